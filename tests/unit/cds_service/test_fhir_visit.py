"""fhir_visit, server_guard: may a call ask a server, and ask again (trust, 2.2). Real sockets."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from cds_service.allowance import Allowance
from cds_service.circuit_breaker import Attempt
from cds_service.deadline import Deadline
from cds_service.fhir_client import FhirClient, HttpAnswer
from cds_service.fhir_visit import Visit
from cds_service.network_policy import LOOPBACK
from cds_service.server_guard import HeldBack, ServerGuard, ServerGuards
from tests import fault_server as faults
from tests.fault_server import FaultServer, fault_server


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with fault_server() as running:
        yield running


@pytest.fixture(scope="module")
def client() -> Iterator[FhirClient]:
    opened = FhirClient(1000, LOOPBACK)
    yield opened
    opened.close()


@pytest.fixture
def base(server: FaultServer, client: FhirClient) -> str:
    client.guards = ServerGuards()
    return server.base


def visit(client: FhirClient, base: str, *, order: bool = True, began: float = 0.0) -> Visit:
    return Visit(client, base, time.monotonic() - began, Allowance(200), order=order)


def ask(one: Visit, url: str, seconds: float = 3.0) -> HttpAnswer:
    return one.submit(one.get, url, None, Deadline(time.monotonic() + seconds)).result()


@pytest.fixture
def rich(client: FhirClient, base: str) -> str:
    """A server that has earned two repetitions."""
    for _ in range(20):
        client.guards.of(base).count_request()
    return base


def fails_first(code: int) -> faults.Behaviour:
    def behave(exchange: faults.Exchange) -> bool:
        first = len(exchange.server.requests) == 1
        return faults.status(code)(exchange) if first else exchange.send(b"{}")

    return behave


@pytest.mark.parametrize("code", [502, 503, 504])
def test_a_passing_failure_is_repeated_once(
    client: FhirClient, server: FaultServer, rich: str, code: int
) -> None:
    server.on("", fails_first(code))
    assert ask(visit(client, rich), f"{server.base}/A").value == {}
    server.on("", faults.status(code))
    assert ask(visit(client, rich), f"{server.base}/A").status == code
    assert len(server.requests) == 4


@pytest.mark.parametrize("code", [400, 401, 403, 404, 408, 429, 500, 501])
def test_other_statuses_are_final(
    client: FhirClient, server: FaultServer, rich: str, code: int
) -> None:
    server.on("", faults.status(code))
    assert ask(visit(client, rich), f"{server.base}/A").status == code
    assert len(server.requests) == 1


@pytest.mark.parametrize("behaviour", [faults.reset, faults.html, faults.truncated([1])])
def test_a_broken_answer_is_final(
    client: FhirClient, server: FaultServer, rich: str, behaviour: faults.Behaviour
) -> None:
    server.on("", behaviour)
    ask(visit(client, rich), f"{server.base}/A")
    assert len(server.requests) == 1


def test_a_connection_that_is_refused_is_tried_again(
    client: FhirClient, rich: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answers = []
    real = client.get
    monkeypatch.setattr(client, "get", lambda *args: answers.append(real(*args)) or answers[-1])
    assert ask(visit(client, rich), f"http://127.0.0.1:{port}/A").reason == "connection"
    assert [answer.unconnected for answer in answers] == [True, True]


def test_nothing_is_repeated_with_little_time_left(
    client: FhirClient, server: FaultServer, rich: str
) -> None:
    server.on("", faults.status(503))
    ask(visit(client, rich, began=7.0), f"{server.base}/A", seconds=3.0)  # 30 % of 10 s are left
    assert len(server.requests) == 1
    ask(visit(client, rich, began=3.0), f"{server.base}/A", seconds=3.0)
    assert len(server.requests) == 3


def test_at_most_a_tenth_is_repeated(client: FhirClient, server: FaultServer, base: str) -> None:
    server.on("", faults.status(503))
    one, asked = visit(client, base), 45
    for _ in range(asked):
        ask(one, f"{server.base}/A")
    assert len(server.requests) == asked + 4


def test_saved_repetitions_are_limited() -> None:
    guard = ServerGuard()
    for _ in range(1000):
        guard.count_request()
    assert [guard.take_retry() for _ in range(11)] == [True] * 10 + [False]


def test_open_circuit_asks_nothing(client: FhirClient, server: FaultServer, base: str) -> None:
    server.on("", faults.hang)
    for kind in "ABABA":
        one = visit(client, base)
        assert ask(one, f"{base}/{kind}?patient=p1", seconds=0.3).reason == "timeout"
        one.leave()
    before = len(server.requests)
    refused = visit(client, base)
    begin = time.monotonic()
    assert [ask(refused, f"{server.base}/A").reason for _ in range(3)] == ["connection"] * 3
    assert time.monotonic() - begin < 0.5
    assert (len(server.requests), refused.held_back) == (before, HeldBack.CIRCUIT_OPEN)
    refused.leave()


def test_a_defect_of_held_back_work_stays_in_its_future(client: FhirClient, base: str) -> None:
    guard = client.guards.of(base)
    while isinstance(guard.enter(order=True), Attempt):
        pass
    one = visit(client, base)
    assert isinstance(one.submit(divmod, 1, 0).exception(), ZeroDivisionError)
    assert one.held_back == HeldBack.TOO_MANY_WAITING


def test_a_short_wait_proves_nothing(client: FhirClient, server: FaultServer, base: str) -> None:
    server.on("", faults.hang)
    for kind in "ABABABA":
        one = visit(client, base)
        assert ask(one, f"{base}/{kind}", seconds=0.05).reason == "timeout"
        one.leave()
    assert isinstance(client.guards.of(base).enter(order=True), Attempt)


@pytest.mark.parametrize("query", ["/Device?patient=p1", "?_getpages=1"])
def test_one_type_that_hangs_closes_the_way_to_no_other(
    client: FhirClient, server: FaultServer, base: str, query: str
) -> None:
    server.on("", faults.answer({}))
    server.on(query, faults.hang)
    for _ in range(7):
        one = visit(client, base)
        assert ask(one, f"{base}{query}", seconds=0.3).reason == "timeout"
        one.leave()
    assert ask(visit(client, base), f"{base}/Condition").value == {}


@pytest.mark.parametrize("code", [400, 401, 403, 404, 429, 500, 501])
def test_a_server_that_refuses_is_alive(
    client: FhirClient, server: FaultServer, base: str, code: int
) -> None:
    server.on("", faults.status(code))
    for kind in "ABABABA":
        one = visit(client, base)
        ask(one, f"{base}/{kind}")
        one.leave()
    assert len(server.requests) == 7


@pytest.mark.parametrize("behaviour", [faults.status(502), faults.status(503), faults.reset])
def test_a_server_where_nobody_answers_is_left_alone(
    client: FhirClient, server: FaultServer, base: str, behaviour: faults.Behaviour
) -> None:
    server.on("", behaviour)
    for kind in "ABABA":
        one = visit(client, base)
        ask(one, f"{base}/{kind}")
        one.leave()
    assert client.guards.of(base).enter(order=True) == HeldBack.CIRCUIT_OPEN


def test_an_address_that_is_not_allowed_says_nothing_about_the_server() -> None:
    client, base = FhirClient(1000), "http://127.0.0.1:9/fhir"
    for kind in "ABABABA":
        one = visit(client, base)
        assert ask(one, f"{base}/{kind}").reason == "not-allowed"
        one.leave()
    assert isinstance(client.guards.of(base).enter(order=True), Attempt)
    client.close()


def test_sixteen_may_wait_and_the_last_four_are_for_orders() -> None:
    guard = ServerGuard()
    chart_open = [guard.enter(order=False) for _ in range(13)]
    orders = [guard.enter(order=True) for _ in range(5)]
    assert [type(each) for each in chart_open] == [Attempt] * 12 + [HeldBack]
    assert [type(each) for each in orders] == [Attempt] * 4 + [HeldBack]
    assert {chart_open[-1], orders[-1]} == {HeldBack.TOO_MANY_WAITING}
    first = chart_open[0]
    assert isinstance(first, Attempt)
    guard.leave(first, frozenset())
    assert isinstance(guard.enter(order=True), Attempt)


def test_a_call_that_asks_nothing_takes_no_place(client: FhirClient, base: str) -> None:
    guard = client.guards.of(base)
    visits = [visit(client, base) for _ in range(20)]
    assert all(isinstance(guard.enter(order=True), Attempt) for _ in range(16))
    for each in visits:
        each.leave()
    assert isinstance(guard.enter(order=True), HeldBack)


def test_guards_are_kept_by_server_and_do_not_grow_for_ever() -> None:
    guards = ServerGuards()
    first = guards.of("http://127.0.0.1:1/fhir")
    assert guards.of("http://127.0.0.1:1/fhir") is first
    for port in range(2, 300):
        guards.of(f"http://127.0.0.1:{port}/fhir")
    assert guards.of("http://127.0.0.1:1/fhir") is not first
    assert len(guards._guards) == 256
