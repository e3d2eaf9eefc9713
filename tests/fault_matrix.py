"""The cells of the fault matrix, the servers that misbehave for them, and one call of a cell.

What must come out stands in `fault_matrix.yaml`. Everything here goes over real sockets.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from tests import deck
from tests import fault_server as faults
from tests.charts.build import Chart
from tests.charts.request import request
from tests.charts.search import answer, bundle
from tests.charts.vocabulary import JsonObject
from tests.fault_server import Behaviour, Exchange, FaultServer, fault_server
from tests.self_signed import server_context

UNRESOLVABLE = "http://no-such-host.invalid/fhir"
"""To be among the FHIR servers that are configured."""
CHARTS = {
    "patient-view": "suspicion: diplopia in breast cancer",
    "order-sign": "dose: 12 mg in 12 mL is 1 mg/mL",
}
LEFT_OUT = frozenset({"codedObservations", "reports", "procedures", "allergies"})
"""The keys that a partial prefetch lacks."""
AT_THE_DEADLINE = frozenset({"hang", "drip", "one-slow"})
"""Faults that end with the time."""
_ANOTHER = "another-patient"
_BOMB = faults.gzip_bomb(20_000_000)
_UNREAD = re.compile(r"(\w+) could not be read \(([\w-]+)\)")


@dataclass(frozen=True)
class Cell:
    """One fault, hook and prefetch, with the status and what must be named as not checked."""

    fault: str
    hook: str
    prefetch: str
    status: int
    not_checked: frozenset[tuple[str, str]]

    @property
    def name(self) -> str:
        return f"{self.fault}, {self.hook}, {self.prefetch}"


@dataclass(frozen=True)
class Outcome:
    """What a call brought: `named` by the machine-readable part, `shown` by the card texts."""

    status: int
    named: frozenset[tuple[str, str]]
    shown: frozenset[tuple[str, str]]
    seconds: float

    def holds(self, cell: Cell) -> bool:
        """Whether status and list are exactly those of the cell."""
        shown = cell.not_checked if self.status == 200 else frozenset()
        return (self.status, self.named, self.shown) == (cell.status, cell.not_checked, shown)


def cells() -> list[Cell]:
    """All cells, in the order of the file."""
    held = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return [
        Cell(**row | {"not_checked": frozenset(row["not_checked"].items())})
        for row in held["cells"]
    ]


@cache
def chart(hook: str) -> Chart:
    """The patient of a hook."""
    return next(case for case in deck.own_cases() if case.name == CHARTS[hook]).chart("mixed")


@contextmanager
def misbehaving(fault: str, hook: str) -> Iterator[str]:
    """The base URL of a server with a fault, new each time."""
    if fault == "unresolvable":
        yield UNRESOLVABLE
    elif fault == "refused":
        with socket.create_server(("127.0.0.1", 0)) as listener:
            base = f"http://127.0.0.1:{listener.getsockname()[1]}/fhir"
        yield base
    else:
        tls = server_context() if fault == "bad-tls" else None
        with fault_server(tls=tls) as server:
            _prepare(server, fault, chart(hook))
            yield server.base


def body(cell: Cell, base: str) -> JsonObject:
    """The request of a cell."""
    mode = "server" if cell.prefetch == "none" else "prefetch"
    leave_out = LEFT_OUT if cell.prefetch == "partial" else frozenset()
    return request(chart(cell.hook), cell.hook, mode, base, leave_out)


def call(service: str, cell: Cell, base: str) -> Outcome:
    """Make the call of a cell; the time counts from the first byte sent to the last received."""
    content = json.dumps(body(cell, base))
    connection = http.client.HTTPConnection(urlsplit(service).netloc, timeout=30)
    try:
        connection.connect()
        begin = time.monotonic()
        connection.request("POST", f"/cds-services/{deck.SERVICE_OF[cell.hook]}", content)
        response = connection.getresponse()
        received = json.loads(response.read())
        seconds = time.monotonic() - begin
    finally:
        connection.close()
    return Outcome(response.status, _named(received), _shown(received), seconds)


def _named(received: JsonObject) -> frozenset[tuple[str, str]]:
    """(resource type, reason) from the extension of the cards, or from the OperationOutcome."""
    if "issue" in received:
        texts = [issue["diagnostics"].split(": ") for issue in received["issue"]]
        return frozenset((kind, reason) for kind, reason in texts)
    bases = [deck.extension(card, "basis") for card in received["cards"]]
    unknowns = [unknown for basis in bases for unknown in basis.get("unknowns", ())]
    return frozenset((u["category"], u["reason"]) for u in unknowns if "reason" in u)


def _shown(received: JsonObject) -> frozenset[tuple[str, str]]:
    texts = [card["detail"] for card in received.get("cards", ())]
    return frozenset(pair for text in texts for pair in _UNREAD.findall(text))


def mend(server: FaultServer, hook: str) -> None:
    """Let a server answer as it should."""
    server.on("", _sound(chart(hook).resources))


def _prepare(server: FaultServer, fault: str, patient: Chart) -> None:
    sound = _sound(patient.resources)
    whole = {
        "hang": faults.hang,
        "drip": faults.drip_body,
        "reset": faults.reset,
        "truncated": faults.truncated(bundle([])),
        "redirect": faults.redirect("http://127.0.0.1:9/fhir"),
        "html": faults.html,
        "gzip-bomb": _BOMB,
        "foreign-next": _with_next(patient, lambda _: "http://10.0.0.1/fhir?page=2"),
        "endless-next": _with_next(patient, _unseen),
        "wrong-patient": _sound([_of_another(each, patient) for each in patient.resources]),
    }
    server.on("", whole.get(fault, faults.status(int(fault)) if fault.isdigit() else sound))
    if fault == "endless-next":
        server.on("?_getpages", _empty_with_next)
    if fault == "one-slow":
        server.on("/DiagnosticReport", faults.hang)
    if fault in ("foreign-next", "endless-next"):
        server.on("/Patient", sound)
    if fault == "wrong-patient":
        other = _of_another(_found(patient.resources, f"Patient/{patient.patient_id}"), patient)
        server.on("/Patient", faults.answer(other))


def _sound(resources: list[JsonObject]) -> Behaviour:
    def behave(exchange: Exchange) -> bool:
        found = _found(resources, _query(exchange))
        if found is None:
            return faults.status(404)(exchange)
        return faults.answer(bundle(found) if isinstance(found, list) else found)(exchange)

    return behave


def _found(resources: list[JsonObject], query: str) -> Any:
    return answer(resources, query)


def _query(exchange: Exchange) -> str:
    return unquote(exchange.target.removeprefix("/fhir/"))


def _with_next(patient: Chart, following: Callable[[Exchange], str]) -> Behaviour:
    """The right answer to a search, and a link to more."""

    def behave(exchange: Exchange) -> bool:
        found = bundle(_found(patient.resources, _query(exchange)))
        return faults.answer(found | {"link": [{"relation": "next", "url": following(exchange)}]})(
            exchange
        )

    return behave


def _empty_with_next(exchange: Exchange) -> bool:
    return faults.answer(faults.bundle(next=_unseen(exchange)))(exchange)


def _unseen(exchange: Exchange) -> str:
    return f"{exchange.server.base}?_getpages=a&page={len(exchange.server.requests)}"


def _of_another(resource: JsonObject, patient: Chart) -> JsonObject:
    """The same resource of another patient."""
    text = json.dumps(resource).replace(patient.patient_id, _ANOTHER)
    held: JsonObject = json.loads(text)
    return held
