"""Five times as many calls as can be answered, for a minute: who is answered, and what after it?

`OVERLOAD_SECONDS` shortens the minute while developing. A call counts as answered if its 200 came
within the deadline + 100 ms, counted from the moment it was due.
"""

from __future__ import annotations

import json
import os
from statistics import quantiles
from urllib.parse import urlsplit

from benchmarks.payloads import patient_view
from tests import deck, fault_matrix
from tests.drill import load
from tests.drill.load import Answer, Plan
from tests.drill.running import gunicorn
from tests.drill.table import Table, machine, today

SECONDS = float(os.environ.get("OVERLOAD_SECONDS", "60"))
FACTOR = 5
DEADLINE_SECONDS, LATE_SECONDS = 1.5, 0.1
SHARES = {"patient-view": 0.8, "order-sign": 0.2}
OBSERVATIONS = 20
"""In the chart that is opened: 40 KB."""
CLIENTS, PEAK_SECONDS = (4, 8), 8.0
CALM_SHARE, CALM_SECONDS = 0.5, 12.0
FLOOR = (
    "goodput at 5x overload at least 80 % of the peak, order-sign answered before patient-view, "
    "calls over the limit told 503 within milliseconds, recovery within 5 s."
)
_PATHS = {hook: f"/cds-services/{deck.SERVICE_OF[hook]}" for hook in SHARES}


def run() -> Table:
    """Peak, overload, calm after it."""
    with gunicorn(DEADLINE_MS=int(DEADLINE_SECONDS * 1000)) as running:
        port = urlsplit(running.base).port or 0
        plan = Plan(port, _bodies(), {_PATHS[hook]: share for hook, share in SHARES.items()}, [])
        load.run(_stages(plan, {"clients": 4, "seconds": 2.0}))
        peak = max(_peak(plan, clients) for clients in CLIENTS)
        calm = CALM_SHARE * peak
        answers = load.run(
            _stages(
                plan,
                {"rate": FACTOR * peak, "seconds": SECONDS},
                {"rate": calm, "seconds": CALM_SECONDS},
            )
        )
    return _table(peak, answers)


def _stages(plan: Plan, *stages: dict[str, float]) -> Plan:
    return Plan(plan.port, plan.bodies, plan.shares, list(stages))


def _peak(plan: Plan, clients: int) -> float:
    """Calls per second that so many clients get answered."""
    answers = load.run(_stages(plan, {"clients": clients, "seconds": PEAK_SECONDS}))
    return len(_good(answers)) / PEAK_SECONDS


def _table(peak: float, answers: list[Answer]) -> Table:
    crowd = [answer for answer in answers if answer.due < SECONDS]
    goodput = len(_good(crowd)) / SECONDS
    shares = {hook: _share(crowd, path) for hook, path in _PATHS.items()}
    told = [answer.seconds * 1000 for answer in crowd if answer.status == 503]
    recovery = _recovery([answer for answer in answers if answer.due >= SECONDS])
    others = sum(answer.status not in (200, 503) for answer in answers)
    late = len([a for a in crowd if a.status == 200]) - len(_good(crowd))
    rows = (
        ("peak goodput", f"{peak:.0f} calls/s", "–"),
        ("calls in the overload", f"{len(crowd)} in {SECONDS:.0f} s", f"{FACTOR}x peak"),
        ("goodput in the overload", f"{goodput:.0f} calls/s, {goodput / peak:.0%}", ">= 80 %"),
        *((f"{hook} answered", f"{share:.1%}", "–") for hook, share in shares.items()),
        ("answered 200, but late", str(late), "–"),
        ("503: median, 99th percentile", _percentiles(told), "milliseconds"),
        ("neither 200 nor 503", str(others), "0"),
        ("all calls answered again, at half the peak", f"after {recovery:.0f} s", "< 5 s"),
    )
    passed = (
        goodput >= 0.8 * peak
        and shares["order-sign"] > shares["patient-view"]
        and recovery < 5
        and not others
    )
    return Table("Overload", FLOOR, ("", "measured", "asked for"), rows, passed, machine(), today())


def _good(answers: list[Answer]) -> list[Answer]:
    most = DEADLINE_SECONDS + LATE_SECONDS
    return [answer for answer in answers if answer.status == 200 and answer.seconds <= most]


def _share(answers: list[Answer], path: str) -> float:
    of_path = [answer for answer in answers if answer.kind == path]
    return len(_good(of_path)) / len(of_path)


def _percentiles(milliseconds: list[float]) -> str:
    if len(milliseconds) < 2:
        return "none"
    cut = quantiles(milliseconds, n=100)
    return f"{cut[49]:.1f} ms, {cut[98]:.1f} ms"


def _recovery(answers: list[Answer]) -> float:
    """Seconds from the end of the overload to the first whole second without a call refused."""
    for second in range(int(CALM_SECONDS)):
        due = [a for a in answers if second <= a.due - SECONDS < second + 1]
        if len(_good(due)) == len(due):
            return float(second)
    return CALM_SECONDS


def _bodies() -> dict[str, str]:
    """One fully prefetched call of each hook, at chart open with a larger chart."""
    order = next(c for c in fault_matrix.cells() if (c.hook, c.prefetch) == ("order-sign", "full"))
    sign = json.dumps(fault_matrix.body(order, "http://127.0.0.1:9/fhir"))
    return {_PATHS["patient-view"]: patient_view(OBSERVATIONS).decode(), _PATHS["order-sign"]: sign}
