"""Calls in flight against a slow FHIR server while the service gets SIGTERM: all are answered.

`LM_DRAIN_ROUNDS` is the number of ends (default 5), `LM_DRAIN_CALLS` that of the calls in flight at
each (default 24).
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests import fault_server
from tests.contract.calls import CHART, ORDER, call
from tests.drill.table import Table, machine, today
from tests.served import Served, served

ROUNDS = int(os.environ.get("LM_DRAIN_ROUNDS", "5"))
CALLS = int(os.environ.get("LM_DRAIN_CALLS", "24"))
SLOW_SECONDS = 1.0
WORKERS, THREADS = 2, 16


@dataclass
class Round:
    """What happened at one end."""

    answers: Counter[str] = field(default_factory=Counter)
    red_first: bool = False
    after_red: str = ""
    exit_code: int | None = None
    seconds: float = 0.0
    refused: bool = False


def run() -> Table:
    """The drill."""
    rounds = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            rounds.append(one_end(Path(folder)))
    rows = tuple(row(number, each) for number, each in enumerate(rounds, 1))
    return Table(
        title="The end: SIGTERM while calls are in flight",
        floor="readiness is red before the door closes; every call in flight is answered 200; "
        "new connections are refused; exit code 0",
        columns=(
            "end",
            "calls in flight",
            "answered",
            "readiness",
            "call after red",
            "then",
            "exit",
            "seconds",
        ),
        rows=rows,
        passed=all(held(each) for each in rounds),
        machine=machine(),
        measured=today(),
    )


def held(found: Round) -> bool:
    """Whether one end lost nothing."""
    return (
        found.answers == {"200": CALLS}
        and found.red_first
        and found.after_red == "200"
        and found.refused
        and found.exit_code == 0
    )


def row(number: int, found: Round) -> tuple[str, ...]:
    """One end as a line of the table."""
    answers = ", ".join(f"{count} × {what}" for what, count in sorted(found.answers.items()))
    readiness = "red before the end" if found.red_first else "was not red"
    then = "refused" if found.refused else "still taken"
    return (
        *(str(number), str(CALLS), answers, readiness, found.after_red, then),
        *(str(found.exit_code), f"{found.seconds:.1f}"),
    )


def one_end(folder: Path) -> Round:
    """Start, fill with slow calls, stop, and look."""
    found = Round()
    changes = {"DRAIN_SECONDS": "2", "DEADLINE_MS": "4500"}
    with (
        fault_server.fault_server() as server,
        served(folder, workers=WORKERS, threads=THREADS, **changes) as running,
    ):
        server.on("/", slow)
        asking = [
            threading.Thread(target=ask, args=(running, found, server.base, n))
            for n in range(CALLS)
        ]
        for each in asking:
            each.start()
        while server.connections < CALLS:
            time.sleep(0.01)
        begun = time.monotonic()
        running.terminate()
        look_at_readiness(running, found)
        for each in asking:
            each.join()
        found.exit_code = running.process.wait(60)
        found.seconds = time.monotonic() - begun
        found.refused = outcome(running, f"/cds-services/{ORDER}", {}) == "refused"
    return found


def slow(exchange: fault_server.Exchange) -> bool:
    """An empty answer, late."""
    exchange.server.stopping.wait(SLOW_SECONDS)
    return exchange.send(b'{"resourceType": "Bundle", "type": "searchset"}')


def ask(running: Served, found: Round, base: str, number: int) -> None:
    """One call that needs the slow server; chart-open calls bring the patient along."""
    service = (ORDER, CHART)[number % 2]
    body: dict[str, Any] = call(service) | {"fhirServer": base}
    kept = ("patient", "conditions") if service == CHART else ()
    body["prefetch"] = {key: body["prefetch"][key] for key in kept}
    found.answers[outcome(running, f"/cds-services/{service}", body)] += 1


def look_at_readiness(running: Served, found: Round) -> None:
    """Until the door closes: is it red, and is a call still answered?"""
    while True:
        try:
            status = running.get("/readyz").status
        except ConnectionRefusedError:
            return
        except (OSError, HTTPException):
            continue
        if status == 503 and not found.red_first:
            found.red_first = True
            found.after_red = outcome(running, f"/cds-services/{ORDER}", call(ORDER))
        time.sleep(0.02)


def outcome(running: Served, path: str, body: Any) -> str:
    """The status of a call, or how it ended without one."""
    try:
        return str(running.post(path, body).status)
    except ConnectionRefusedError:
        return "refused"
    except (OSError, HTTPException) as error:
        return type(error).__name__
