"""How calls per second and waiting grow with callers and workers."""

from __future__ import annotations

from statistics import median

from benchmarks import load, payloads, servers
from benchmarks.servers import Server
from benchmarks.table import Table

ROUNDS, SECONDS = 3, 3.0
CALLERS = (1, 4, 16, 64)


_FIGURES = {"per_second": 0, "refused": 0, "p50": 1, "p99": 1, "cpu": 2, "resident": 0}
"""What is shown, with its decimals."""


def _row(server: Server, path: str, body: bytes, callers: int) -> list[str]:
    found = [load.drive(server, path, body, callers, SECONDS, pinned=False) for _ in range(ROUNDS)]
    return [
        f"{median(getattr(one, name) for one in found):.{digits}f}"
        for name, digits in _FIGURES.items()
    ]


def run() -> Table:
    """One worker and two, 1 to 64 callers, both cores free for all."""
    path, body = f"/cds-services/{payloads.PATIENT_VIEW}", payloads.patient_view(200)
    rows: list[tuple[str, ...]] = []
    for workers in (1, 2):
        with servers.folder() as folder:
            command = servers.service(folder, workers=workers)
            with servers.running(command, path, body, core=None) as server:
                for callers in CALLERS:
                    rows.append((str(workers), str(callers), *_row(server, path, body, callers)))
    return Table(
        "Growth with callers and workers",
        "Chart open, 280 KB. Nothing is pinned; the load generator takes its share of the cores."
        " A worker that cannot serve all refuses some at once (503), so that the others are in"
        " time; who is refused here comes again at once.",
        (
            "workers",
            "callers",
            "answered/s",
            "refused, %",
            "p50, ms",
            "p99, ms",
            "processor, ms",
            "MiB",
        ),
        tuple(rows),
    )
