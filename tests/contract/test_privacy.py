"""No value of a patient, a user or a token reaches logs, output, error bodies, or the database.

Every field of a call carries a marker of its own. The call is made on every path, the good one and
each failure, and everything that the service leaves behind is searched for the marker.
"""

from __future__ import annotations

import json
import logging
import re
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service import create_app, errors, hook_call
from cds_service.config import Settings
from cds_service.edge import edge_of
from tests import conformance, fault_server
from tests.contract.calls import AUTHORIZATION, CHART, NOW, ORDER, call
from tests.drill.service import Service

MARK = re.compile(rb"(?i)zqx[a-z]{1,8}\d{4}")
TOKEN = "zqxtoken4711"
PATIENT = "zqxpat0001"
COMMENT = "zqxcomment0002"
STAGES = (
    "cds_service.routes.hook_call.parse",
    "cds_service.edge.gather",
    "cds_service.gather.read_drafts",
    "cds_service.gather.read_prefetch",
    "cds_service.gather.within_reach",
    "cds_service.open_needs.ask",
    "cds_service.references.read_instances",
    "cds_service.fhir_client.FhirClient.get",
    "cds_service.answers.build",
    "cds_service.fhir_r4b.is_valid",
    "hooks.engine.service.Service.cards",
    "cds_service.store.Store.dismissals",
    "cds_service.store.Store.record_issued",
    "cds_service.store.Store.record_feedback",
    "cds_service.routes.log_fields",
    "cds_service.routes.feedback.parse",
)
"""Places in which an exception is raised whose text holds the marker."""


def marked(service: str, **changes: Any) -> dict[str, Any]:
    """A call in which every text of a person is a marker: ids, names, notes, displays, values."""
    body = call(service)
    own = body["context"]["patientId"]
    text = json.dumps(body).replace(f'"{own}"', f'"{PATIENT}"')
    made: dict[str, Any] = json.loads(text.replace(f"Patient/{own}", f"Patient/{PATIENT}"))
    made["context"] |= {"userId": "Practitioner/zqxusr0003", "encounterId": "zqxenc0004"}
    numbers = iter(range(1000, 10_000))
    for value in (*made["prefetch"].values(), made["context"].get("draftOrders")):
        resources = [e["resource"] for e in (value or {}).get("entry", [])] or [value or {}]
        for resource in resources:
            if resource:
                resource |= {
                    "text": {"div": f"zqxdiv{next(numbers)}"},
                    "note": [{"text": f"zqxn{next(numbers)}"}],
                    "identifier": [{"system": "urn:x", "value": f"zqxi{next(numbers)}"}],
                    "name": [{"family": f"zqxf{next(numbers)}", "given": [f"zqxg{next(numbers)}"]}],
                    "telecom": [{"value": f"zqxt{next(numbers)}"}],
                    "extension": [{"url": f"zqxu{next(numbers)}", "valueString": "zqxv0009"}],
                }
    token = AUTHORIZATION | {"access_token": TOKEN, "subject": "zqxsub0005"}
    return made | {"fhirAuthorization": token, "extension": {"x": "zqxext0006"}} | changes


def feedback(card: str = "zqxcard0008") -> dict[str, Any]:
    reason = {"reason": {"code": "c", "display": "zqxdis0007"}, "userComment": COMMENT}
    item = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-20T12:00:00Z"}
    return {"feedback": [item | {"overrideReason": reason}]}


class Watched:
    """An application, and everything that it leaves behind."""

    def __init__(self, folder: Path, **changes: str) -> None:
        self.folder = folder
        environ = {"PROFILE": "sandbox", "NOW": NOW.isoformat(), "DEADLINE_MS": "400"}
        environ |= {"DATABASE_URL": f"sqlite:///{folder}/lm-cds.sqlite3"} | changes
        self.app = create_app(Settings.from_env({f"LM_CDS_{n}": v for n, v in environ.items()}))
        self.client: FlaskClient = self.app.test_client()
        self.bodies: list[bytes] = []

    def send(self, path: str, body: Any, **headers: str) -> int:
        """Ask, and keep the answer if it is an error."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.client.post(f"/cds-services/{path}", data=data, headers=headers)
        if answer.status_code >= 300:
            self.bodies.append(answer.data + str(answer.headers).encode())
        return answer.status_code

    def files(self) -> bytes:
        """The raw bytes of the database, of its journal and of everything beside it."""
        return b"".join(f.read_bytes() for f in sorted(self.folder.rglob("*")) if f.is_file())


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path / "kept")
    yield made
    edge_of(made.app).close()


@pytest.fixture
def output(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Any:
    """What was written to standard output, standard error and every logger so far."""
    caplog.set_level(logging.DEBUG)

    def read() -> bytes:
        shown = capfd.readouterr()
        return f"{shown.out}{shown.err}{caplog.text}".encode()

    return read


def found(*places: bytes) -> set[bytes]:
    return {match.lower() for place in places for match in MARK.findall(place)}


def paths_of_an_evening(watched: Watched, server: str) -> None:
    """The good path, and each way of being refused."""
    for service in (CHART, ORDER):
        assert watched.send(service, marked(service)) == 200
        assert watched.send(service, marked(service, fhirServer=server, prefetch={})) in (200, 412)
        assert watched.send(service, marked(service, fhirServer="https://zqxsrv0010.example/x"))
        for body in (
            json.dumps(marked(service)).encode()[:-9],
            [marked(service)],
            marked(service, hook="zqxhook0011"),
            marked(service, context="zqxctx0012"),
            marked(service, context={"patientId": {"zqxodd0013": 1}, "draftOrders": "zqxodd0014"}),
            json.dumps(marked(service)).encode().replace(b'"id"', b'"id": "zqxdup0015", "id"'),
        ):
            assert watched.send(service, body) in (200, 400, 412)
    assert watched.send(f"{CHART}/feedback", feedback()) == 204
    assert watched.send(f"{CHART}/feedback", {"feedback": ["zqxbad0016"]}) == 400
    assert watched.send("zqxsvc0017", marked(CHART)) == 404


BEHAVIOURS: dict[str, Any] = {
    "hang": fault_server.hang,
    "reset": fault_server.reset,
    "hang up": fault_server.hang_up,
    "html": fault_server.html,
    "garbage": fault_server.garbage,
    "401": fault_server.status(401, {"zqxe": "zqxans0018"}),
    "500": fault_server.status(500, fault_server.outcome("error")),
    "429": fault_server.status(429),
    "redirect": fault_server.redirect("http://127.0.0.1:1/zqxloc0019"),
    "truncated": fault_server.truncated(fault_server.bundle()),
    "chunks": fault_server.unfinished_chunks,
    "drip": fault_server.drip_body,
    "wrong patient": fault_server.answer(
        fault_server.bundle({"resourceType": "Condition", "subject": {"reference": "zqxoth0020"}})
    ),
    "next": fault_server.answer(fault_server.bundle(next="https://zqxnext0021.example/")),
    "bomb": fault_server.gzip_bomb(1_000_000),
}


@pytest.mark.parametrize("behaviour", sorted(BEHAVIOURS))
def test_nothing_is_left_behind_on_any_path(watched: Watched, output: Any, behaviour: str) -> None:
    with fault_server.fault_server() as server:
        server.on("/", BEHAVIOURS[behaviour])
        paths_of_an_evening(watched, server.base)
        assert [r for r in server.requests if f"Bearer {TOKEN}" in r.headers.values()]
    written = output()
    assert b"hook-answered" in written
    assert found(written, *watched.bodies) == set()
    allowed = {COMMENT.encode(), b"zqxcard0008"}
    assert found(watched.files()) == allowed


def test_the_comment_is_in_its_column_only(watched: Watched) -> None:
    """The other allowed place is the uuid of a card, as the client sent it."""
    assert watched.send(f"{CHART}/feedback", feedback()) == 204
    where = set()
    with closing(sqlite3.connect(watched.folder / "lm-cds.sqlite3")) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master")]
        for table in {t for t in tables if not t.startswith(("ix_", "sqlite_"))}:
            rows = database.execute(f"SELECT * FROM {table}")  # noqa: S608
            names = [column[0] for column in rows.description]
            for row in rows:
                pairs = zip(names, row, strict=True)
                where |= {(table, n) for n, v in pairs if found(str(v).encode())}
    assert where == {("feedback_comment", "comment"), ("feedback", "card")}


class Telling(Exception):
    """An exception as libraries raise them: its text holds values of the record."""


@contextmanager
def raising(stage: str, kind: type[BaseException]) -> Iterator[None]:
    def fail(*_: Any, **__: Any) -> Any:
        secret = f"{PATIENT} {TOKEN} zqxlocal0022"
        raise kind(secret) from ValueError(secret)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, fail)
        patch.setattr(conformance, "faults_are_meant", True)
        yield


@pytest.mark.parametrize(
    "kind", [Telling, KeyError, UnicodeError, errors.StoreUnavailable, OSError]
)
@pytest.mark.parametrize("stage", STAGES)
def test_a_fault_in_any_stage_tells_nothing(
    watched: Watched, output: Any, stage: str, kind: type[BaseException]
) -> None:
    with fault_server.fault_server() as server, raising(stage, kind):
        server.on("/", fault_server.answer(fault_server.bundle()))
        for service in (CHART, ORDER):
            watched.send(service, marked(service))
            watched.send(service, marked(service, fhirServer=server.base, prefetch={}))
        watched.send(f"{CHART}/feedback", feedback("7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10"))
        watched.client.get("/readyz")
    assert found(output(), *watched.bodies) == set()
    assert found(watched.files()) <= {COMMENT.encode()}


def test_every_class_of_error_has_a_constant_body() -> None:
    def below(kind: type[errors.ServiceError]) -> Iterator[type[errors.ServiceError]]:
        yield kind
        for each in kind.__subclasses__():
            yield from below(each)

    told = [
        kind([("Condition", ["timeout"])]) if kind is errors.RequiredDataMissing else kind(PATIENT)
        for kind in below(errors.ServiceError)
    ]
    assert len(told) > 10
    assert found(*(json.dumps(each.issues()).encode() for each in told)) == set()


def test_a_store_that_fails_tells_nothing(watched: Watched, output: Any) -> None:
    assert watched.send(CHART, marked(CHART)) == 200
    edge_of(watched.app).store._access._engine.dispose()
    for file in watched.folder.iterdir():
        file.write_bytes(b"zqxnodb0023" * 1000)
    assert watched.send(CHART, marked(CHART)) == 200
    assert watched.send(f"{CHART}/feedback", feedback()) == 503
    written = output()
    assert b"store-failed" in written
    assert found(written, *watched.bodies) == set()


def test_warnings_tell_nothing(watched: Watched, output: Any) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for service in (CHART, ORDER):
            watched.send(service, marked(service))
    assert found(*(str(each.message).encode() for each in caught)) == set()
    assert found(output()) == set()


def test_objects_that_could_be_printed_tell_nothing(watched: Watched) -> None:
    edge = edge_of(watched.app)
    one = hook_call.parse(edge.service(ORDER), json.dumps(marked(ORDER)).encode(), 0.0)
    assert found(repr(one).encode(), str(one).encode()) == set()


def test_metrics_tell_nothing(watched: Watched) -> None:
    """What is served on the port for figures holds no value of a call."""
    for service in (CHART, ORDER):
        watched.send(service, marked(service))
    figures = edge_of(watched.app).metrics.exposition()
    assert b"lm_cds_" in figures
    assert found(figures) == set()


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("gunicorn")
    service = Service(f"sqlite:///{folder}/lm-cds.sqlite3", folder, workers=1)
    service.start()
    yield service
    service.stop()


def _wrong_method(connection: HTTPConnection) -> None:
    connection.request(f"{PATIENT}".upper(), f"/cds-services/{PATIENT}")


def _long_line(connection: HTTPConnection) -> None:
    connection.request("GET", "/" + PATIENT * 1000)


def _bad_header(connection: HTTPConnection) -> None:
    connection.putrequest("POST", f"/cds-services/{ORDER}")
    connection.putheader("Content-Length", PATIENT)
    connection.endheaders()


def _many_headers(connection: HTTPConnection) -> None:
    headers = {f"{PATIENT}-{n}": TOKEN for n in range(200)}
    connection.request("POST", f"/cds-services/{ORDER}", headers=headers)


def _good(connection: HTTPConnection) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    connection.request("POST", f"/cds-services/{ORDER}", json.dumps(marked(ORDER)), headers)


@pytest.mark.parametrize("ask", [_wrong_method, _long_line, _bad_header, _many_headers, _good])
def test_gunicorn_tells_nothing(gunicorn: Service, ask: Callable[[HTTPConnection], None]) -> None:
    connection = HTTPConnection("127.0.0.1", gunicorn.port, timeout=20)
    ask(connection)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200 or found(body) == set(), body
    assert found(gunicorn.output) == set()


def test_the_search_itself_finds_a_marker(watched: Watched, output: Any) -> None:
    print("x", PATIENT, file=sys.stderr)
    logging.getLogger("x").warning(TOKEN)
    assert found(output()) == {PATIENT.encode(), TOKEN.encode()}
