"""A FHIR server in trouble, seen by many calls: nobody is blinded for long, nothing is silent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cds_service import circuit_breaker
from cds_service.server_guard import MOST_WAITING
from tests import fault_matrix, fault_server
from tests.fault_matrix import Cell, Outcome
from tests.fault_server import FaultServer
from tests.live import application, settings

DEADLINE_MS = 1000
LATE_BY_AT_MOST = 0.5
CELLS = {(cell.fault, cell.hook, cell.prefetch): cell for cell in fault_matrix.cells()}
HANGS = CELLS["hang", "order-sign", "none"]
UNREACHABLE = CELLS["refused", "order-sign", "none"]
ALL_PREFETCHED = CELLS["hang", "order-sign", "full"]


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("outage")
    with application(settings(folder, DEADLINE_MS=DEADLINE_MS)) as base:
        yield base


@pytest.fixture
def fhir() -> Iterator[FaultServer]:
    with fault_server.fault_server() as running:
        running.on("", fault_server.hang)
        yield running


def call(service: str, cell: Cell, fhir: FaultServer) -> Outcome:
    return fault_matrix.call(service, cell, fhir.base)


def together(service: str, cells: list[Cell], fhir: FaultServer) -> list[Outcome]:
    with ThreadPoolExecutor(len(cells)) as threads:
        return list(threads.map(lambda cell: call(service, cell, fhir), cells))


def test_a_silent_server_is_left_alone_named_and_asked_again(
    service: str,
    fhir: FaultServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(circuit_breaker, "OPEN_SECONDS", 2.0)
    for _ in range(circuit_breaker.FAILURES_IN_A_ROW):
        assert call(service, HANGS, fhir).holds(HANGS)
    before = len(fhir.requests)
    for _ in range(3):
        assert call(service, UNREACHABLE, fhir).holds(UNREACHABLE)
    assert len(fhir.requests) == before
    assert capsys.readouterr().err.count('"held_back":"circuit-open"') == 3
    fault_matrix.mend(fhir, "order-sign")
    time.sleep(2.0)
    again = call(service, HANGS, fhir)
    assert (again.status, again.named) == (200, frozenset())
    assert call(service, HANGS, fhir).named == frozenset()


def test_one_hanging_query_blinds_no_other(service: str, fhir: FaultServer) -> None:
    cell = CELLS["one-slow", "order-sign", "none"]
    fault_matrix.mend(fhir, "order-sign")
    fhir.on("/DiagnosticReport", fault_server.hang)
    for _ in range(3):
        outcomes = together(service, [cell] * 3, fhir)
        assert [outcome.named for outcome in outcomes] == [cell.not_checked] * 3


def test_calls_over_the_places_at_a_hanging_server_are_told_so(
    service: str, fhir: FaultServer, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = together(service, [HANGS] * 20 + [ALL_PREFETCHED] * 4, fhir)
    assert {outcome.status for outcome in outcomes} == {200}
    named = Counter(outcome.named for outcome in outcomes)
    assert named[HANGS.not_checked] + named[UNREACHABLE.not_checked] == 20
    assert named[ALL_PREFETCHED.not_checked] == 4
    assert named[HANGS.not_checked] <= MOST_WAITING
    held_back = capsys.readouterr().err.count('"held_back":"too-many-waiting"')
    assert held_back == named[UNREACHABLE.not_checked]
    assert max(o.seconds for o in outcomes) < DEADLINE_MS / 1000 + LATE_BY_AT_MOST
