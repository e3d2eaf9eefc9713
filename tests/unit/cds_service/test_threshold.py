"""threshold: hook calls turned away before a thread takes them (trust, 2.2: load shedding)."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from cds_service import admission
from cds_service.admission import COMPUTING, KEPT_FOR_ORDERS, ROOM, Rank
from cds_service.edge import Edge, edge_of
from cds_service.threshold import MOST_BYTES, Threshold, Verdict, call_at
from tests import deck

CHART, ORDER = deck.SERVICE_OF["patient-view"], deck.SERVICE_OF["order-sign"]
THREADS = 96
HOUR = 3_600_000


def request(service: str = CHART, body: bytes = b"{}", **headers: str) -> bytes:
    """A hook call as it arrives."""
    lines = [f"POST /cds-services/{service} HTTP/1.1", "Host: cds", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def seen(arrived: bytes) -> tuple[bytes, int] | None:
    return call_at(bytearray(arrived), len(arrived))


@pytest.mark.parametrize(
    "arrived",
    [
        request(),
        request(ORDER, b'{"hook": "order-sign"}'),
        request(Connection="keep-alive"),
        request(connection="Keep-Alive", Authorization="Bearer x.y.z", Accept="*/*"),
        request(f"{CHART}/"),
        b"POST /cds-services/x HTTP/1.1\r\nContent-Length:2\r\n\r\n{}",
        b"POST /cds-services/x HTTP/1.1\r\ncontent-length: \t 2 \t\r\n\r\n{}",
        request(body=b""),
    ],
)
def test_a_call_is_seen_with_its_length(arrived: bytes) -> None:
    assert seen(arrived) == (arrived.split(b" ")[1].split(b"/")[2], len(arrived))
    assert seen(arrived + b"POST /what-follows") == seen(arrived)
    assert seen(arrived[: arrived.index(b"\r\n\r\n") + 4]) == seen(arrived)


@pytest.mark.parametrize("missing", range(3, len(request())))
def test_a_head_that_has_not_arrived_is_not_judged(missing: int) -> None:
    assert seen(request()[:-missing]) is None


@pytest.mark.parametrize(
    "arrived",
    [
        request().replace(b"POST", b"GET"),
        request().replace(b"HTTP/1.1", b"HTTP/1.0"),
        request().replace(b"HTTP/1.1", b"HTTP/2"),
        request(f"{CHART}/feedback"),
        request(f"{CHART}?a=b"),
        request().replace(b"POST /", b"POST http://host/"),
        request().replace(b"Content-Length: 2", b"Content-Length: +2"),
        request().replace(b"Content-Length: 2", b"Content-Length: 2,2"),
        request().replace(b"Content-Length: 2", b"Content-Length: 0x2"),
        request().replace(b"Content-Length: 2", b"Content-Length: -2"),
        request().replace(b"Content-Length: 2", b"Content-Length: 00000002"),
        request().replace(b"Content-Length: 2", b"Content-Length:"),
        request().replace(b"Content-Length: 2", b"Content-Length : 2"),
        request().replace(b"Content-Length: 2", b"X-Other: 2"),
        request().replace(b"Host: cds", b"Content-Length: 2"),
        request().replace(b"Host: cds", b"content-length: 1"),
        request().replace(b"Host: cds", b"Transfer-Encoding: chunked"),
        request().replace(b"Host: cds", b"transfer-encoding: identity"),
        request().replace(b"Host: cds", b"Host: cds\r\n folded: x"),
        request().replace(b"Host: cds", b"Host: c\0ds"),
        request().replace(b"Host: cds", b"Host: c\rds"),
        request().replace(b"Host: cds\r\n", b"Host: cds\n"),
        request().replace(b"Host: cds", b"Ho st: cds"),
        request(Connection="close"),
        request(Connection="keep-alive, Upgrade"),
        request(Expect="100-continue"),
        request(Upgrade="h2c"),
        request(Origin="https://ehr.example"),
    ],
)
def test_what_leaves_a_doubt_is_not_judged(arrived: bytes) -> None:
    assert seen(arrived) is None


# --- verdicts -----------------------------------------------------------------------------------


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    return edge_of(deck.flask_client(tmp_path).application)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        there.setblocking(False)
        here.settimeout(5)
        yield here, there


def judge(
    threshold: Threshold, pair: tuple[socket.socket, socket.socket], sent: bytes, inside: int = 0
) -> Verdict:
    pair[0].sendall(sent)
    return threshold.judge(pair[1], inside)


@contextmanager
def crowded(edge: Edge, waiting: int) -> Iterator[None]:
    """All places are taken, and so many orders wait."""
    held = [threading.Lock() for _ in range(waiting)]
    with ExitStack() as all_places:
        for _ in range(COMPUTING):
            all_places.enter_context(edge.admission.place(Rank.ORDER, HOUR))
        edge.admission._waiting[Rank.ORDER].extend(held)
        yield
        edge.admission._waiting[Rank.ORDER].clear()


def test_nothing_yet(edge: Edge, pair: tuple[socket.socket, socket.socket]) -> None:
    assert Threshold(edge, THREADS).judge(pair[1], 0) is Verdict.NOTHING_YET


def test_the_end_and_a_broken_connection_come_in(
    edge: Edge, pair: tuple[socket.socket, socket.socket]
) -> None:
    threshold = Threshold(edge, THREADS)
    pair[0].close()
    assert threshold.judge(pair[1], 0) is Verdict.COME_IN
    pair[1].close()
    assert threshold.judge(pair[1], 0) is Verdict.COME_IN


@pytest.mark.parametrize(
    "sent", [b"GET /livez HTTP/1.1\r\n\r\n", request("no-such-service"), request()[:-3]]
)
def test_all_but_hook_calls_come_in_even_when_it_is_full(
    edge: Edge, pair: tuple[socket.socket, socket.socket], sent: bytes
) -> None:
    with crowded(edge, ROOM):
        assert judge(Threshold(edge, THREADS), pair, sent, inside=1000) is Verdict.COME_IN
    assert pair[1].recv(1000) == sent


def test_a_call_that_is_let_in_is_not_consumed_and_counts_as_expected(
    edge: Edge, pair: tuple[socket.socket, socket.socket]
) -> None:
    threshold = Threshold(edge, THREADS)
    room_for_charts = COMPUTING + ROOM - KEPT_FOR_ORDERS
    for _ in range(room_for_charts):
        assert judge(threshold, pair, request()) is Verdict.COME_IN_EXPECTED
        assert pair[1].recv(1000) == request()
    assert judge(threshold, pair, request()) is Verdict.TURNED_AWAY
    for _ in range(KEPT_FOR_ORDERS):
        assert judge(threshold, pair, request(ORDER)) is Verdict.COME_IN_EXPECTED
        pair[1].recv(1000)
    assert judge(threshold, pair, request(ORDER)) is Verdict.TURNED_AWAY


def test_who_is_turned_away_gets_the_same_503_as_inside(tmp_path: Path) -> None:
    client = deck.flask_client(tmp_path)
    edge = edge_of(client.application)
    here, there = socket.socketpair()
    with here, there, crowded(edge, ROOM):
        there.setblocking(False)
        inside = client.post(f"/cds-services/{CHART}", json={})
        assert judge(Threshold(edge, THREADS), (here, there), request()) is Verdict.TURNED_AWAY
        head, body = here.recv(4096).split(b"\r\n\r\n")
        with pytest.raises(BlockingIOError):
            there.recv(1)
    lines = head.decode().split("\r\n")
    assert (lines[0], body) == ("HTTP/1.1 503 SERVICE UNAVAILABLE", inside.data)
    told = dict(line.split(": ", 1) for line in lines[1:])
    assert told == {n: v for n, v in inside.headers.items() if n != "Vary"}
    assert told["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("threads", "chart_limit", "order_limit"), [(96, 88, 96), (4, 34, 42), (42, 34, 42)]
)
def test_what_would_wait_for_a_thread_is_turned_away_orders_last(
    edge: Edge,
    pair: tuple[socket.socket, socket.socket],
    threads: int,
    chart_limit: int,
    order_limit: int,
) -> None:
    threshold = Threshold(edge, threads)
    for service, limit in ((CHART, chart_limit), (ORDER, order_limit)):
        assert judge(threshold, pair, request(service), limit) is Verdict.TURNED_AWAY
        assert judge(threshold, pair, request(service), limit - 1) is Verdict.COME_IN_EXPECTED
        pair[1].recv(1000)


def test_what_follows_on_the_connection_is_left_there(
    edge: Edge, pair: tuple[socket.socket, socket.socket]
) -> None:
    with crowded(edge, ROOM):
        sent = request() + request(ORDER)
        assert judge(Threshold(edge, THREADS), pair, sent) is Verdict.TURNED_AWAY
    assert pair[1].recv(1000) == request(ORDER)


def test_an_answer_that_does_not_get_through_ends_the_connection(
    edge: Edge, pair: tuple[socket.socket, socket.socket]
) -> None:
    pair[0].sendall(request())
    pair[0].close()
    with crowded(edge, ROOM):
        assert Threshold(edge, THREADS).judge(pair[1], 0) is Verdict.GONE


def test_an_answer_that_gets_through_in_part_ends_the_connection(
    edge: Edge, pair: tuple[socket.socket, socket.socket]
) -> None:
    with suppress(BlockingIOError):
        while pair[1].send(b"x" * 100_000):
            pass
    with crowded(edge, ROOM):
        assert judge(Threshold(edge, THREADS), pair, request()) is Verdict.GONE


def test_a_call_that_has_not_arrived_whole_comes_in_unexpected(
    edge: Edge, pair: tuple[socket.socket, socket.socket]
) -> None:
    assert judge(Threshold(edge, THREADS), pair, request()[:-1]) is Verdict.COME_IN
    assert edge.admission._expected == 0


@pytest.mark.parametrize(
    ("missing", "verdict"), [(0, Verdict.COME_IN_EXPECTED), (1, Verdict.COME_IN)]
)
def test_whether_a_large_call_has_arrived_whole_is_known_from_its_length(
    edge: Edge, pair: tuple[socket.socket, socket.socket], missing: int, verdict: Verdict
) -> None:
    whole = request(body=b" " * 60_000)
    assert judge(Threshold(edge, THREADS), pair, whole[: len(whole) - missing]) is verdict
    assert len(pair[1].recv(len(whole))) == len(whole) - missing


@pytest.mark.parametrize("size", [100, MOST_BYTES, 3 * MOST_BYTES])
def test_the_rest_of_a_refused_call_is_swallowed(
    edge: Edge, pair: tuple[socket.socket, socket.socket], size: int
) -> None:
    threshold, whole = Threshold(edge, THREADS), request(body=b" " * size)
    with crowded(edge, ROOM):
        assert judge(threshold, pair, whole[:90]) is Verdict.TURNED_AWAY
    assert pair[0].recv(4096).startswith(b"HTTP/1.1 503")
    assert threshold.judge(pair[1], 0) is Verdict.TURNED_AWAY
    sender = threading.Thread(target=pair[0].sendall, args=(whole[90:],))
    sender.start()
    while sender.is_alive() or threshold._rest:
        assert threshold.judge(pair[1], 0) in (Verdict.TURNED_AWAY, Verdict.NOTHING_YET)
    assert judge(threshold, pair, request(ORDER)) is Verdict.COME_IN_EXPECTED
    assert pair[1].recv(1000) == request(ORDER)


def test_a_refused_call_that_breaks_off_is_gone(
    edge: Edge, pair: tuple[socket.socket, socket.socket]
) -> None:
    threshold = Threshold(edge, THREADS)
    with crowded(edge, ROOM):
        assert judge(threshold, pair, request()[:-1]) is Verdict.TURNED_AWAY
    pair[0].close()
    assert threshold.judge(pair[1], 0) is Verdict.GONE


# --- what is told -------------------------------------------------------------------------------


def test_it_is_told_once_a_second(
    edge: Edge,
    pair: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    now = [100.0]
    monkeypatch.setattr("cds_service.clock.monotonic", lambda: now[0])
    threshold = Threshold(edge, THREADS)
    threshold.tell()
    assert capfd.readouterr().err == ""
    with crowded(edge, ROOM):
        for service in (CHART, CHART, ORDER):
            judge(threshold, pair, request(service))
        threshold.tell()
        first = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
        judge(threshold, pair, request())
        threshold.tell()
        assert capfd.readouterr().err == ""
        now[0] += 1
        threshold.tell()
        second = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    told = [(line["event"], line["service"], line["calls"]) for line in first + second]
    assert told == [
        ("call-refused", CHART, 2),
        ("call-refused", ORDER, 1),
        ("call-refused", CHART, 1),
    ]
    assert all((line["status"], line["error"]) == (503, "Overloaded") for line in first + second)
    counted = f'lm_cds_requests_total{{endpoint="call",service="{CHART}",status="5xx"}} 3.0'
    assert counted in edge.metrics.exposition().decode()


# --- the kept place -----------------------------------------------------------------------------


def test_an_expected_call_finds_its_place_in_a_full_room(edge: Edge) -> None:
    places = edge.admission
    with crowded(edge, ROOM - KEPT_FOR_ORDERS - 1):
        assert places.expect(Rank.CHART)
        assert not places.expect(Rank.CHART)
        assert places.is_full(Rank.CHART)
        with places.expected():
            assert not places.is_full(Rank.CHART)
        assert places.expect(Rank.CHART)
        with places.expected():
            pass
    assert places._expected == 0


def test_a_free_place_is_not_room(edge: Edge) -> None:
    for _ in range(COMPUTING + ROOM):
        assert edge.admission.expect(Rank.ORDER)
    assert not edge.admission.expect(Rank.ORDER)


def test_the_kept_place_is_taken_once(edge: Edge) -> None:
    places = edge.admission
    assert places.expect(Rank.CHART)
    with places.expected():
        with places.place(Rank.CHART, HOUR):
            assert (places._expected, admission._held.expected) == (0, False)
        assert places._expected == 0
    assert places._expected == 0


def test_it_is_given_back_after_a_fault(edge: Edge) -> None:
    assert edge.admission.expect(Rank.CHART)
    with pytest.raises(ZeroDivisionError), edge.admission.expected():
        raise ZeroDivisionError
    assert (edge.admission._expected, admission._held.expected) == (0, False)
