"""admission: who computes, who waits, who is told 503 (trust, 2.2: order-sign last)."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service import admission
from cds_service.admission import KEPT_FOR_ORDERS, ROOM, Admission, Rank, aside
from cds_service.edge import edge_of
from cds_service.errors import Overloaded
from tests import deck, fault_matrix

HOUR = 3_600_000


class Calls:
    """Calls in threads of their own that note in which order they got their places."""

    def __init__(self, deadline_ms: int = HOUR) -> None:
        self.places = Admission(computing=1)
        self._deadline_ms = deadline_ms
        self.served: list[str] = []
        self.refused: list[str] = []
        self._threads: list[threading.Thread] = []

    def call(self, name: str, rank: Rank) -> None:
        """Start one, and return when it waits or is over."""
        before = self.waiting
        thread = threading.Thread(target=self._run, args=(name, rank))
        self._threads.append(thread)
        thread.start()
        while thread.is_alive() and self.waiting == before:
            thread.join(0.001)

    @property
    def waiting(self) -> int:
        return sum(len(queue) for queue in self.places._waiting.values())

    def end(self) -> None:
        for thread in self._threads:
            thread.join(10)

    def _run(self, name: str, rank: Rank) -> None:
        try:
            with self.places.place(rank, self._deadline_ms):
                self.served.append(name)
        except Overloaded:
            self.refused.append(name)


@pytest.fixture
def calls() -> Calls:
    return Calls()


@contextmanager
def busy(places: Admission) -> Iterator[None]:
    """The one place is taken."""
    with places.place(Rank.CHART, HOUR):
        yield


def test_a_free_place_is_given_at_once(calls: Calls) -> None:
    for _ in range(3):
        calls.call("chart", Rank.CHART)
    calls.end()
    assert calls.served == ["chart"] * 3


def test_orders_go_first_and_then_in_their_order(calls: Calls) -> None:
    with busy(calls.places):
        for name in ("c1", "o1", "c2", "o2"):
            calls.call(name, Rank.ORDER if name[0] == "o" else Rank.CHART)
    calls.end()
    assert calls.served == ["o1", "o2", "c1", "c2"]


def test_the_last_part_of_the_room_is_for_orders(calls: Calls) -> None:
    with busy(calls.places):
        for number in range(ROOM - KEPT_FOR_ORDERS):
            calls.call(f"c{number}", Rank.CHART)
        assert calls.places.is_full(Rank.CHART)
        calls.call("chart too many", Rank.CHART)
        assert not calls.places.is_full(Rank.ORDER)
        for number in range(KEPT_FOR_ORDERS):
            calls.call(f"o{number}", Rank.ORDER)
        assert calls.places.is_full(Rank.ORDER)
        calls.call("order too many", Rank.ORDER)
        assert calls.refused == ["chart too many", "order too many"]
    calls.end()
    assert len(calls.served) == ROOM


@pytest.mark.parametrize("rank", [Rank.ORDER, Rank.CHART])
def test_the_wait_is_bounded(rank: Rank) -> None:
    calls = Calls(deadline_ms=50)
    with busy(calls.places):
        calls.call("late", rank)
        calls.end()
        assert calls.refused == ["late"]
        assert calls.waiting == 0
    calls.call("next", rank)
    calls.end()
    assert calls.served == ["next"]


def test_a_place_handed_over_while_giving_up_is_taken(calls: Calls) -> None:
    waiter = threading.Lock()
    assert calls.places._gave_up(Rank.CHART, waiter) is False
    calls.places._waiting[Rank.CHART].append(waiter)
    assert calls.places._gave_up(Rank.CHART, waiter) is True


def test_who_waits_for_a_server_lets_others_compute_and_returns_first(calls: Calls) -> None:
    blocked = threading.Event()

    def computes() -> None:
        with calls.places.place(Rank.CHART, HOUR):
            taken.set()
            blocked.wait(10)

    taken = threading.Event()
    other = threading.Thread(target=computes)
    with calls.places.place(Rank.CHART, HOUR):
        with aside():
            other.start()
            assert taken.wait(10)
            calls.call("order", Rank.ORDER)
            threading.Timer(0.01, blocked.set).start()
        assert calls.served == []
    calls.end()
    other.join(10)
    assert calls.served == ["order"]


def test_aside_without_a_place_does_nothing() -> None:
    with aside():
        pass
    assert admission._held.admission is None


def test_a_place_is_given_back_after_a_fault(calls: Calls) -> None:
    with pytest.raises(ZeroDivisionError), calls.places.place(Rank.CHART, HOUR):
        raise ZeroDivisionError
    calls.call("next", Rank.CHART)
    calls.end()
    assert calls.served == ["next"]


# --- over HTTP ----------------------------------------------------------------------------------


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return deck.flask_client(tmp_path, DEADLINE_MS=100)


def post(client: FlaskClient, hook: str) -> tuple[int, str | None, object]:
    cell = next(c for c in fault_matrix.cells() if (c.hook, c.prefetch) == (hook, "full"))
    body = fault_matrix.body(cell, "http://127.0.0.1:9/fhir")
    answer = client.post(f"/cds-services/{deck.SERVICE_OF[hook]}", json=body)
    return answer.status_code, answer.headers.get("Retry-After"), answer.get_json()


@pytest.mark.parametrize("hook", deck.SERVICE_OF)
def test_no_place_is_503(client: FlaskClient, hook: str) -> None:
    places = edge_of(client.application).admission
    with ExitStack() as all_places:
        for _ in range(admission.COMPUTING):
            all_places.enter_context(places.place(Rank.ORDER, HOUR))
        status, after, body = post(client, hook)
    assert (status, after) == (503, "1")
    text = "The service is overloaded now and did not evaluate this call."
    issue = {"severity": "error", "code": "throttled", "details": {"text": text}}
    assert body == {"resourceType": "OperationOutcome", "issue": [issue]}
    assert post(client, hook)[0] == 200


def fill(client: FlaskClient) -> None:
    """The room, as far as it is for chart calls."""
    held = [threading.Lock() for _ in range(ROOM - KEPT_FOR_ORDERS)]
    for waiter in held:
        waiter.acquire()
    edge_of(client.application).admission._waiting[Rank.ORDER].extend(held)


class Broken(io.BytesIO):
    """A body that breaks off."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError


@pytest.mark.parametrize(("size", "left"), [(100_000, 0), (1024 * 1024 + 5, 5)])
def test_the_body_of_a_refused_call_is_skipped(client: FlaskClient, size: int, left: int) -> None:
    fill(client)
    body = io.BytesIO(b"x" * size)
    path = f"/cds-services/{deck.SERVICE_OF['patient-view']}"
    answer = client.post(path, input_stream=body, content_length=size)
    assert (answer.status_code, len(body.read())) == (503, left)
    answer = client.post(path, input_stream=Broken(), content_length=size)
    assert answer.status_code == 503


def test_a_full_room_is_told_before_the_body_is_read(client: FlaskClient) -> None:
    fill(client)
    path = f"/cds-services/{deck.SERVICE_OF['patient-view']}"
    assert client.post(path, data=b"no JSON").status_code == 503
    path = f"/cds-services/{deck.SERVICE_OF['order-sign']}"
    assert client.post(path, data=b"no JSON").status_code == 400
    assert client.get("/livez").status_code == 200
    assert client.get("/cds-services").status_code == 200
