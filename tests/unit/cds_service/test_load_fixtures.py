"""load_fixtures: what is sent, what is told, and how refusals end. Real sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import fhir_fixtures
from cds_service import load_fixtures
from cds_service.fhir_client import HttpAnswer
from tests.charts.fhir_server import _Quiet, serving

STORIES = [story.name for story in fhir_fixtures.stories()]
CANARY = "canary-7291"


@dataclass
class Receiver:
    """A server that takes transactions, except those of the patients in `refused`."""

    base: str = ""
    refused: dict[str, int] = field(default_factory=dict)
    response: Any = None
    bundles: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, bundle: dict[str, Any]) -> tuple[int, Any]:
        patient = bundle["entry"][0]["resource"]["id"]
        if patient in self.refused:
            issue = {"severity": "error", "code": "processing", "diagnostics": CANARY}
            return self.refused[patient], {"resourceType": "OperationOutcome", "issue": [issue]}
        done = [{"response": {"status": "201 Created"}} for _ in bundle["entry"]]
        told = {"resourceType": "Bundle", "type": "transaction-response", "entry": done}
        return 200, told if self.response is None else self.response


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Receiver

    def do_POST(self) -> None:
        bundle = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.state.bundles.append(bundle)
        self.state.headers.append(dict(self.headers) | {"path": self.path})
        status, body = self.state.answer(bundle)
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    state = Receiver()
    server = _Quiet(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.base = f"http://127.0.0.1:{server.server_address[1]}/fhir"
    with serving(server):
        yield state


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LM_CDS_PROFILE", "sandbox")
    monkeypatch.setenv("LM_CDS_NOW", "2026-01-25T09:00:00Z")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(load_fixtures.main, list(arguments))


def test_each_patient_is_one_transaction_dated_for_today(server: Receiver) -> None:
    done = run(f"{server.base}/")
    assert done.exit_code == 0, done.output
    today = date(2026, 1, 25)
    sent = [fhir_fixtures.shift(fhir_fixtures.load(story), today) for story in STORIES]
    assert server.bundles == sent
    first = server.headers[0]
    assert (first["path"], first["Content-Type"]) == ("/fhir", "application/fhir+json")
    assert "Authorization" not in first


def test_progress(server: Receiver) -> None:
    lines = run(server.base).output.splitlines()
    entries = len(fhir_fixtures.load(STORIES[0])["entry"])
    assert lines[0] == f"  1/{len(STORIES)} {STORIES[0]}: {entries} resources"
    assert len(lines) == len(STORIES) + 1
    assert lines[-1] == f"{len(STORIES)} patients loaded, dated for 2026-01-25"


def test_as_dated_in_the_files(server: Receiver) -> None:
    done = run(server.base, "--reference-date")
    assert "dated for 2026-01-15" in done.output
    assert server.bundles == [fhir_fixtures.load(story) for story in STORIES]


def test_token_is_sent_and_not_shown(server: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{CANARY}\n")
    done = run(server.base, "--token-file", str(file))
    assert done.exit_code == 0
    assert {h["Authorization"] for h in server.headers} == {f"Bearer {CANARY}"}
    assert CANARY not in done.output


@pytest.mark.parametrize("status", [400, 401, 422, 500])
def test_refused_patient_is_named_and_the_others_are_loaded(server: Receiver, status: int) -> None:
    server.refused = {STORIES[1]: status}
    done = run(server.base)
    assert done.exit_code == 1
    assert f"{STORIES[1]}: refused: http-{status}" in done.output
    assert f"1 patients were not loaded: {STORIES[1]}" in done.output
    assert len(server.bundles) == len(STORIES)
    assert CANARY not in done.output


def test_no_server_ends_at_the_first_patient() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = run(f"http://127.0.0.1:{port}/fhir")
    assert done.exit_code == 1
    assert done.output == f"load_fixtures: no answer to {STORIES[0]}: connection\n"


def test_answers_in_time_only(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_fixtures, "TRANSACTION_SECONDS", 0.05)
    released = threading.Event()
    monkeypatch.setattr(server, "answer", lambda _: released.wait(5))
    done = run(server.base)
    released.set()  # The server then fails to write its answer.
    assert f"no answer to {STORIES[0]}: timeout" in done.output


def test_unusable_addresses_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for base in ("ftp://h/fhir", "http://user:secret@h/fhir", "fhir", "http://h/fhir?a=b"):
        done = run(base)
        assert done.exit_code == 2
        assert "not the http(s) address" in done.output
        assert "secret" not in done.output
    monkeypatch.setenv("LM_CDS_PORT", "1")
    done = run("http://127.0.0.1:9/fhir")
    assert (done.exit_code, "LM_CDS_PORT" in done.output) == (1, True)


def response(*statuses: Any) -> dict[str, Any]:
    entries = [{"response": {"status": status}} for status in statuses]
    return {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (response("200 OK", "201"), None),
        (response("200 OK", "409 Conflict"), "http-409"),
        (response("200 OK"), "unreadable"),
        (response("200 OK", None), "unreadable"),
        (response("200 OK", "fine"), "unreadable"),
        ({"type": "transaction-response"}, "unreadable"),
        ({"resourceType": "Patient"}, "unreadable"),
        ([], "unreadable"),
        (None, "unreadable"),
    ],
)
def test_answer_to_a_transaction_of_two(value: Any, reason: str | None) -> None:
    assert load_fixtures.refusal(HttpAnswer(value, None, 200), 2) == reason


def test_answer_of_something_else_is_no_success(server: Receiver) -> None:
    server.response = {"resourceType": "Bundle", "type": "searchset"}
    done = run(server.base)
    assert done.exit_code == 1
    assert f"{STORIES[0]}: refused: unreadable" in done.output
