"""The fault matrix on a real gunicorn, then 1,000 of its cells at random: what grows?

`MATRIX_CALLS` shortens the second half while developing.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests import fault_matrix
from tests.drill.running import Running, gunicorn
from tests.drill.table import Table, machine, today
from tests.fault_matrix import AT_THE_DEADLINE, Cell, Outcome

CALLS = int(os.environ.get("MATRIX_CALLS", "1000"))
SHORT_MS, LONG_MS = 300, 2000
MOST_LATE_MS = 100
WARM_UP_CALLS = 1000
"""Calls after which threads, connections and memory must have their size: until the memories of
texts and codes, and the heaps of the threads, are full."""
IDLE_SECONDS = 2.5
"""Once a second the worker closes what the servers, one for each call, have closed."""
MOST_GROWTH = {"threads": 8, "open files": 8, "megabytes": 0.05}
"""Threads and files in numbers, memory as a share."""
SEED = 20261121
FLOOR = (
    "every cell with its status and its exact list, within deadline + 100 ms; threads, open files "
    "and memory of the worker flat over 1,000 calls at a deadline of 300 ms."
)


@dataclass(frozen=True)
class Done:
    """A cell that was called, and how it went; `late_ms` counts from the deadline."""

    cell: Cell
    outcome: Outcome
    late_ms: float


def run() -> Table:
    """All cells once, then a random draw."""
    cells = fault_matrix.cells()
    done = [*_once(SHORT_MS, _ending_with_time(cells)), *_once(LONG_MS, _told_before(cells))]
    by_fault = {cell.fault: [d for d in done if d.cell.fault == cell.fault] for cell in cells}
    flat, rows = _soak(cells)
    held = all(d.outcome.holds(d.cell) and d.late_ms <= MOST_LATE_MS for d in done)
    return Table(
        "Faults of the FHIR server",
        FLOOR,
        ("fault", "cells", "right", "statuses", "latest answer against the deadline"),
        (*(_row(fault, part) for fault, part in by_fault.items()), *rows),
        held and flat,
        machine(),
        today(),
    )


def _ending_with_time(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.fault in AT_THE_DEADLINE]


def _told_before(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.fault not in AT_THE_DEADLINE]


def _once(milliseconds: int, cells: Iterable[Cell]) -> list[Done]:
    with _service(milliseconds) as running:
        return [_call(running, cell, milliseconds) for cell in cells]


def _service(milliseconds: int) -> AbstractContextManager[Running]:
    return gunicorn(DEADLINE_MS=milliseconds, FHIR_SERVERS=fault_matrix.UNRESOLVABLE)


def _call(running: Running, cell: Cell, milliseconds: int) -> Done:
    with fault_matrix.misbehaving(cell.fault, cell.hook) as base:
        outcome = fault_matrix.call(running.base, cell, base)
    return Done(cell, outcome, outcome.seconds * 1000 - milliseconds)


def _row(fault: str, done: list[Done]) -> tuple[str, ...]:
    statuses = Counter(str(each.outcome.status) for each in done)
    right = sum(each.outcome.holds(each.cell) for each in done)
    latest = max(each.late_ms for each in done)
    shown = ", ".join(f"{status} x {count}" for status, count in sorted(statuses.items()))
    return fault, str(len(done)), str(right), shown, f"{latest:+.0f} ms"


def _soak(cells: list[Cell]) -> tuple[bool, list[tuple[str, ...]]]:
    """Whether nothing grew over the draw, and the rows that say it.

    All statuses must be right; what is told before the deadline on a machine that is free may be
    `timeout` on one that is not, so the lists are counted only.
    """
    chosen = random.Random(SEED).choices(cells, k=CALLS)
    with _service(SHORT_MS) as running:
        for cell in chosen[:WARM_UP_CALLS]:
            _call(running, cell, SHORT_MS)
        time.sleep(IDLE_SECONDS)
        before = _sizes(running)
        done = [_call(running, cell, SHORT_MS) for cell in chosen]
        time.sleep(IDLE_SECONDS)
        after = _sizes(running)
    rows = [_row("at random", done)]
    rows += [
        (f"worker: {name}", "", "", f"{before[name]:.0f} before, {after[name]:.0f} after", "")
        for name in before
    ]
    expected = all(each.outcome.status == each.cell.status for each in done)
    return _is_flat(before, after) and expected, rows


def _sizes(running: Running) -> dict[str, float]:
    return {
        "threads": running.threads,
        "open files": running.open_files,
        "megabytes": running.megabytes,
    }


def _is_flat(before: dict[str, float], after: dict[str, float]) -> bool:
    growth = {name: after[name] - before[name] for name in before}
    growth["megabytes"] /= before["megabytes"]
    return all(growth[name] <= most for name, most in MOST_GROWTH.items())
