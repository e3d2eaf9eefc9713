"""How time and memory grow with the chart."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

from flask.testing import FlaskClient

from benchmarks import payloads, servers
from benchmarks.stages import PATH, ask, client
from benchmarks.table import Table, shown

SIZES = (10, 100, 1_000, 5_000, 20_000)
ROUNDS = 5
_NOISE = 1.25
"""From the smallest chart above 100 KB a ratio may rise by a quarter."""


def seconds(work: Callable[[], object]) -> float:
    """Processor time of this process."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _measure(asked: FlaskClient, body: bytes) -> tuple[float, float]:
    """Milliseconds of a call and of json.loads on the same bytes; medians, interleaved."""
    pairs = [
        (seconds(lambda: ask(asked, body)), seconds(lambda: json.loads(body)))
        for _ in range(ROUNDS + 2)
    ][2:]
    call, parse = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    return call, parse


def _peak(body: bytes) -> float:
    """The most, in MiB, that a new worker ever holds while it answers some calls, one by one."""
    with (
        servers.folder() as folder,
        servers.running(servers.service(folder), PATH, body) as server,
    ):
        statuses = {servers.call(server.port, PATH, body) for _ in range(ROUNDS)}
        if statuses != {200}:
            raise RuntimeError(f"the service answered {statuses}")
        return server.peak_mib()


def run() -> Table:
    """Charts from 10 to 20,000 laboratory results."""
    rows, ratios = [], []
    with servers.folder() as folder, client(folder) as asked:
        for size in SIZES:
            body = payloads.patient_view(size)
            call, parse = _measure(asked, body)
            ratios.append((len(body), call / parse))
            per_mb = call / len(body) * 1e6
            cells = f"{size:,}", f"{len(body) / 1000:,.0f}", f"{call:.1f}", f"{per_mb:.1f}"
            rows.append((*cells, f"{parse:.1f}", f"{call / parse:.2f}", f"{_peak(body):.0f}"))
    first = next(ratio for size, ratio in ratios if size > 100_000)
    held = ratios[-1][1] <= first * _NOISE
    return Table(
        "Growth with the chart",
        "Processor milliseconds of a call in one process beside those of `json.loads` on the same"
        f" bytes. Asked for: time per byte grows no faster than theirs: {shown(held)}. Memory: the"
        " most that a new worker of `make serve` held, one call at a time.",
        ("results", "kB", "call, ms", "ms per MB", "json.loads, ms", "ratio", "MiB at most"),
        tuple(rows),
        held,
    )
