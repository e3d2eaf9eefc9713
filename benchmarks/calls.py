"""Calls with a full prefetch beside the floor: time, processor, memory, at 1 and 16 at once."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks import load, payloads, servers
from benchmarks.load import Measured
from benchmarks.table import Table, shown

ROUNDS, SECONDS = 5, 4.0
Body = Callable[[], bytes]


@dataclass(frozen=True)
class Measurement:
    """One call at one concurrency, and the ratios to the floor that are asked for."""

    name: str
    service: str
    body: Body
    concurrency: int
    p50: float | None = None
    p99: float | None = None
    cpu: float | None = None
    per_second: float | None = None
    p99_ms: float | None = None


MEASUREMENTS = (
    Measurement(
        "chart open, 280 KB", payloads.PATIENT_VIEW, lambda: payloads.patient_view(200), 1,
        p50=0.6, p99=0.4, cpu=0.6,
    ),
    Measurement(
        "chart open, 2.3 MB", payloads.PATIENT_VIEW, lambda: payloads.patient_view(2000), 1,
        p50=0.6, p99=0.6,
    ),
    Measurement(
        "chart open, 280 KB", payloads.PATIENT_VIEW, lambda: payloads.patient_view(200), 16,
        per_second=1.6, p99=0.6,
    ),
    Measurement(
        "order signed, 280 KB", payloads.ORDER_SIGN, payloads.order_sign, 1, p99_ms=5.0
    ),
    Measurement("order signed, ten items", payloads.ORDER_SIGN, payloads.ten_on_order_sign, 1),
    Measurement(
        "chart open, seven items", payloads.PATIENT_VIEW, payloads.seven_on_patient_view, 1
    ),
)  # fmt: skip


def _rounds(one: Measurement) -> list[tuple[Measured, Measured]]:
    """Interleaved rounds on the floor and on the service, both up all the time."""
    path, body = f"/cds-services/{one.service}", one.body()
    with ExitStack() as stack:
        folder = stack.enter_context(servers.folder())
        pair = [
            stack.enter_context(servers.running(command(folder), path, body))
            for command in (servers.floor, servers.service)
        ]
        for server in pair:
            load.drive(server, path, body, one.concurrency, 1.0)
        return [
            (
                load.drive(pair[0], path, body, one.concurrency, SECONDS),
                load.drive(pair[1], path, body, one.concurrency, SECONDS),
            )
            for _ in range(ROUNDS)
        ]


def _median(rounds: list[tuple[Measured, Measured]], which: int, name: str) -> float:
    return float(statistics.median(getattr(pair[which], name) for pair in rounds))


def _ratio(rounds: list[tuple[Measured, Measured]], name: str) -> float:
    ratios = [getattr(own, name) / getattr(floor, name) for floor, own in rounds]
    return float(statistics.median(ratios))


def _asked(one: Measurement, rounds: list[tuple[Measured, Measured]]) -> Iterator[tuple[str, bool]]:
    """What is asked of a measurement, and whether it holds."""
    for name in ("p50", "p99", "cpu"):
        most = getattr(one, name)
        if most is not None:
            yield f"{name} ≤ {most}", _ratio(rounds, name) <= most
    if one.per_second is not None:
        yield f"calls/s ≥ {one.per_second}", _ratio(rounds, "per_second") >= one.per_second
    if one.p99_ms is not None:
        yield f"p99 ≤ {one.p99_ms} ms", _median(rounds, 1, "p99") <= one.p99_ms


def _row(one: Measurement) -> tuple[tuple[str, ...], bool]:
    rounds = _rounds(one)
    asked = list(_asked(one, rounds))
    cells = [
        f"{one.name}, {len(one.body()) // 1000} kB",
        str(one.concurrency),
        *(
            f"{_median(rounds, 1, name):.2f} / {_median(rounds, 0, name):.2f}"
            f" = **{_ratio(rounds, name):.2f}**"
            for name in ("p50", "p99", "cpu")
        ),
        f"{_median(rounds, 1, 'per_second'):.0f} / {_median(rounds, 0, 'per_second'):.0f}"
        f" = **{_ratio(rounds, 'per_second'):.2f}**",
        f"{_median(rounds, 1, 'refused'):.0f}",
        f"{_median(rounds, 1, 'resident'):.0f} / {_median(rounds, 0, 'resident'):.0f}",
        ", ".join(f"{text}: {shown(held)}" for text, held in asked) or "–",
    ]
    return tuple(cells), all(held for _, held in asked)


def run() -> Table:
    """All measurements."""
    found = [_row(one) for one in MEASUREMENTS]
    return Table(
        "Calls with a full prefetch",
        f"Service / floor = ratio; medians of {ROUNDS} interleaved rounds of {SECONDS:g} s, one"
        " worker each on one core, wrk on the other. Milliseconds; processor milliseconds per call;"
        " MiB.",
        (
            "call",
            "at once",
            "p50",
            "p99",
            "processor",
            "answered/s",
            "refused, %",
            "memory",
            "asked for",
        ),
        tuple(row for row, _ in found),
        all(held for _, held in found),
    )
