"""What the steps cost that no call can do without, beside the floor: the least a call can cost."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median

from benchmarks import load, payloads, servers
from benchmarks.bare import STEPS
from benchmarks.load import Measured
from benchmarks.table import Table

ROUNDS, SECONDS = 5, 3.0
FLOOR = "floor: `json.loads`, one card with counts"


def _bare(step: str) -> list[str]:
    options = ["--worker-class", "gthread", "--threads", "4", "--log-level", "error"]
    return ["env", f"BENCH_STEP={step}", servers.GUNICORN, *options, "benchmarks.bare:app"]


def _rounds(path: str, body: bytes) -> dict[str, list[Measured]]:
    """Interleaved rounds on the floor and on every step, all up all the time."""
    with ExitStack() as stack:
        folder = stack.enter_context(servers.folder())
        commands = {FLOOR: servers.floor(folder)} | {step: _bare(step) for step in STEPS}
        running = {
            name: stack.enter_context(servers.running(command, path, body))
            for name, command in commands.items()
        }
        for server in running.values():
            load.drive(server, path, body, 1, 1.0)
        rounds = [
            {n: load.drive(server, path, body, 1, SECONDS) for n, server in running.items()}
            for _ in range(ROUNDS)
        ]
    return {name: [one[name] for one in rounds] for name in running}


def run() -> Table:
    """The 280 KB chart."""
    path, body = f"/cds-services/{payloads.PATIENT_VIEW}", payloads.patient_view(200)
    found = _rounds(path, body)

    def ratio(name: str, figure: str) -> str:
        pairs = zip(found[name], found[FLOOR], strict=True)
        return (
            f"{median(getattr(own, figure) / getattr(floor, figure) for own, floor in pairs):.2f}"
        )

    rows = tuple(
        (name, f"{median(one.p50 for one in own):.2f}", ratio(name, "p50"), ratio(name, "cpu"))
        for name, own in found.items()
    )
    return Table(
        "What no call can do without",
        "Each step alone in a Flask view under gunicorn with threads, nothing evaluated; the 280 KB"
        f" chart, one call at a time, medians of {ROUNDS} interleaved rounds of {SECONDS:g} s.",
        ("step", "p50, ms", "p50 / floor", "processor / floor"),
        rows,
    )
