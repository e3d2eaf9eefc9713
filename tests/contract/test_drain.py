"""The end: readiness first, then the calls in flight, then nothing; no call is lost (trust 2.2)."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests import fault_server
from tests.contract.calls import CHART, ORDER, call
from tests.served import Served, served


def refused(running: Served) -> bool:
    try:
        socket.create_connection(("127.0.0.1", running.port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def wait_until(condition: Any) -> None:
    while not condition():
        time.sleep(0.02)


def test_readiness_is_red_while_calls_are_still_taken(tmp_path: Path) -> None:
    with served(tmp_path, workers=2, DRAIN_SECONDS="60") as running:
        assert running.get("/readyz").status == 200
        running.terminate()
        wait_until(lambda: running.get("/readyz").status == 503)
        for _ in range(20):
            answer = running.get("/readyz")
            assert (answer.status, answer.json["issue"][0]["details"]["text"]) == (
                503,
                "The service is being stopped.",
            )
        assert running.get("/livez").status == 200
        assert running.post(f"/cds-services/{ORDER}", call(ORDER)).status == 200
        running.terminate()
        assert running.process.wait(30) == 0


def test_it_ends_by_itself_after_the_drain_time(tmp_path: Path) -> None:
    with served(tmp_path, DRAIN_SECONDS="1") as running:
        running.terminate()
        assert running.process.wait(30) == 0
        assert refused(running)


def test_calls_in_flight_are_answered_and_new_ones_refused(tmp_path: Path) -> None:
    release = threading.Event()

    def slow(exchange: fault_server.Exchange) -> bool:
        release.wait(60)
        return exchange.send(b'{"resourceType": "Bundle", "type": "searchset"}')

    answers: list[int] = []
    with (
        fault_server.fault_server() as server,
        served(tmp_path, workers=2, DEADLINE_MS="20000") as running,
    ):
        server.on("/", slow)
        body = call(ORDER, prefetch=None, fhirServer=server.base)

        def ask() -> None:
            answers.append(running.post(f"/cds-services/{ORDER}", body).status)

        asking = [threading.Thread(target=ask) for _ in range(6)]
        for each in asking:
            each.start()
        wait_until(lambda: server.connections >= 6)
        running.terminate()
        wait_until(lambda: refused(running))
        assert running.process.poll() is None
        release.set()
        for each in asking:
            each.join(30)
        assert running.process.wait(30) == 0
    assert answers == [200] * 6


def test_acknowledged_feedback_is_kept(tmp_path: Path) -> None:
    kept = 0
    with served(tmp_path, workers=2) as running:
        for number in range(10_000):
            if number == 20:
                running.terminate()
            item = {
                "card": f"5e3c1d3c-0000-4000-8000-{number:012d}",
                "outcome": "overridden",
                "outcomeTimestamp": "2026-11-21T12:00:00Z",
            }
            try:
                answer = running.post(f"/cds-services/{CHART}/feedback", {"feedback": [item]})
            except (ConnectionError, OSError):
                break
            kept += answer.status == 204
        assert running.process.wait(30) == 0
    with sqlite3.connect(tmp_path / "lm-cds.sqlite3") as store:
        (rows,) = store.execute("select count(*) from feedback").fetchone()
    store.close()
    assert kept >= 20
    assert rows >= kept


def test_interrupt_ends_at_once(tmp_path: Path) -> None:
    with served(tmp_path, DRAIN_SECONDS="60") as running:
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(30) == 0


_HEAD = b"Host: x\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /livez HTTP/9.9\r\n" + _HEAD + b"\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nH ost: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + _HEAD + b"Content-Length: x\r\n\r\n", 400),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + _HEAD + b"\r\n", 414),
        (b"GET /livez HTTP/1.1\r\n" + _HEAD + b"A: " + b"b" * 9000 + b"\r\n\r\n", 431),
        (b"GET /livez HTTP/1.1\r\n" + _HEAD + b"A: b\r\n" * 110 + b"\r\n", 431),
        (b"GET /livez HTTP/1.1\r\n" + _HEAD + b"Expect: cake\r\n\r\n", 417),
        (b"POST / HTTP/1.1\r\n" + _HEAD + b"Transfer-Encoding: x\r\n\r\n", 501),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_http_gets_an_operation_outcome(live: Served, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", live.port), 20) as caller:
        caller.sendall(sent)
        received = b""
        while chunk := caller.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    outcome = json.loads(body)
    assert outcome["resourceType"] == "OperationOutcome"
    assert f"Content-Length: {len(body)}".encode() in head
    for header in (b"application/json", b"nosniff", b"no-store", b"default-src 'none'", b"close"):
        assert header in head
    assert b"cake" not in received


def test_a_token_of_eight_kibibytes_fits(live: Served) -> None:
    assert live.get("/livez", Authorization="Bearer " + "x" * 8192).status == 200


def test_headers_of_proxies_change_nothing(live: Served) -> None:
    plain = live.get("/cds-services")
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "Forwarded": "host=x"}
    assert live.get("/cds-services", **told).body == plain.body
    assert live.get("/cds-services", Script_Name="/x").body == plain.body


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with served(tmp_path_factory.mktemp("live")) as running:
        yield running
        assert not [line for line in running.lines() if "cake" in line or "Invalid" in line]
