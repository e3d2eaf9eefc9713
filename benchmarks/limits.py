"""What the steps of a call cost, beside the floor: the least that a call can cost, and the rest."""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median

from benchmarks import load, payloads, servers
from benchmarks.load import Measured
from benchmarks.steps import STEPS
from benchmarks.table import Table

ROUNDS, SECONDS = 5, 3.0
FLOOR = "floor: `json.loads`, one card with counts"
WHOLE = "the service itself"


def _bare(folder: str, step: str) -> list[str]:
    options = ["--worker-class", "gthread", "--threads", "4", "--log-level", "error"]
    command = [servers.GUNICORN, *options, "benchmarks.bare:app"]
    given = servers.environment(folder) | {"BENCH_STEP": step}
    return servers.with_environment(given, command)


def _rounds(path: str, body: bytes) -> dict[str, list[Measured]]:
    """Interleaved rounds on the floor and on every step, all up all the time."""
    with ExitStack() as stack:
        folder = stack.enter_context(servers.folder())
        steps = {step: _bare(folder, step) for step in STEPS}
        commands = {FLOOR: servers.floor(folder), **steps, WHOLE: servers.service(folder)}
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


def _ratio(own: list[Measured], floor: list[Measured], figure: str) -> str:
    ratios = [getattr(o, figure) / getattr(f, figure) for o, f in zip(own, floor, strict=True)]
    return f"{median(ratios):.2f}"


def run() -> Table:
    """Both sizes of a chart that is opened."""
    path = f"/cds-services/{payloads.PATIENT_VIEW}"
    small, large = (_rounds(path, payloads.patient_view(size)) for size in (200, 2000))
    rows = tuple(
        (
            step,
            *(f"{median(getattr(o, n) for o in small[step]):.2f}" for n in ("p50", "p99")),
            *(_ratio(small[step], small[FLOOR], figure) for figure in ("p50", "p99", "cpu")),
            *(_ratio(large[step], large[FLOOR], figure) for figure in ("p50", "p99")),
        )
        for step in small
    )
    return Table(
        "The steps of a call",
        "Each step with those before it in a Flask view under gunicorn with threads, the heap"
        f" frozen; one call at a time, ratios to the floor, medians of {ROUNDS} interleaved rounds"
        f" of {SECONDS:g} s.",
        (
            *("step", "280 KB: p50, ms", "p99, ms"),
            *("p50 / floor", "p99 / floor", "processor / floor"),
            *("2.3 MB: p50 / floor", "p99 / floor"),
        ),
        rows,
    )
