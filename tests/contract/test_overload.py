"""More calls than the service can take, and connections that say nothing, on a real gunicorn."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cds_service.admission import COMPUTING, KEPT_FOR_ORDERS, ROOM
from tests import fault_server
from tests.contract.calls import CHART, ORDER, call
from tests.served import Served, served

PROBES = 5


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, threads=2, DEADLINE_MS="1500") as running:
        yield running


def connected(running: Served, until: ExitStack) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
    until.callback(connection.close)
    return connection


def ask(connection: http.client.HTTPConnection, service: str, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    connection.request("POST", f"/cds-services/{service}", body, headers)


def test_who_would_wait_for_a_thread_is_told_503_and_an_order_is_taken(running: Served) -> None:
    with fault_server.fault_server() as hanging, ExitStack() as until:
        hanging.on("/", fault_server.hang)
        chart = json.dumps(call(CHART, prefetch=None, fhirServer=hanging.base))
        for _ in range(COMPUTING + ROOM - KEPT_FOR_ORDERS):
            ask(connected(running, until), CHART, chart)
        probe = connected(running, until)
        for _ in range(PROBES):
            ask(probe, CHART, chart)
            answer = probe.getresponse()
            told = json.loads(answer.read())
            assert (answer.status, told["issue"][0]["code"]) == (503, "throttled")
            assert answer.headers["Retry-After"] == "1"
        ask(probe, ORDER, json.dumps(call(ORDER)))
        answer = probe.getresponse()
        assert (answer.status, len(json.loads(answer.read())["cards"]) > 1) == (200, True)
    figures = running.get("/metrics", running.figures).body.decode()
    assert f'lm_cds_requests_total{{endpoint="call",service="{CHART}",status="5xx"}}' in figures
    refused = [json.loads(line) for line in running.lines() if "Overloaded" in line]
    assert sum(line["calls"] for line in refused) == PROBES


def test_a_connection_that_says_nothing_takes_no_thread(running: Served) -> None:
    with ExitStack() as until:
        for _ in range(10):
            until.enter_context(socket.create_connection(("127.0.0.1", running.port)))
        connection = connected(running, until)
        connection.timeout = 4  # A thread would wait 5 seconds for each of them.
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200


def test_it_does_not_delay_the_end(running: Served) -> None:
    with socket.create_connection(("127.0.0.1", running.port)):
        assert running.get("/livez").status == 200
        running.terminate()
        assert running.process.wait(7) == 0  # The grace period is 8 seconds.
