"""120 cells: fault of the FHIR server x hook x prefetch, each over real sockets, exactly answered.

Deadline plus 0.5 s is the limit here, on a loaded machine; `make drill` holds it to 0.1 s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests import fault_matrix
from tests.fault_matrix import AT_THE_DEADLINE, Cell
from tests.live import application, settings

CELLS = fault_matrix.cells()
SHORT_MS, LONG_MS = 300, 2000
"""Deadlines: for faults that end with the time, and for those that are told before."""
LATE_BY_AT_MOST = 0.5


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, str]]:
    folder = tmp_path_factory.mktemp("matrix")
    servers = {"FHIR_SERVERS": fault_matrix.UNRESOLVABLE}
    with (
        application(settings(folder, DEADLINE_MS=SHORT_MS, **servers)) as short,
        application(settings(folder, DEADLINE_MS=LONG_MS, **servers)) as long,
    ):
        yield {SHORT_MS: short, LONG_MS: long}


def test_the_matrix_is_complete() -> None:
    assert len(CELLS) == 120
    assert len({cell.name for cell in CELLS}) == 120
    assert Counter(cell.hook for cell in CELLS) == {"patient-view": 60, "order-sign": 60}
    assert set(Counter(cell.fault for cell in CELLS).values()) == {6}


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_cell(services: dict[int, str], cell: Cell) -> None:
    # One slow query of all: the others must be answered in time on any machine.
    milliseconds = SHORT_MS if cell.fault in AT_THE_DEADLINE - {"one-slow"} else LONG_MS
    with fault_matrix.misbehaving(cell.fault, cell.hook) as base:
        outcome = fault_matrix.call(services[milliseconds], cell, base)
    assert (outcome.status, sorted(outcome.named)) == (cell.status, sorted(cell.not_checked))
    assert outcome.holds(cell)
    assert outcome.seconds < milliseconds / 1000 + LATE_BY_AT_MOST
