"""The whole hostile corpus over HTTP against the service as it is started.

HOSTILE_EVERY=20 replays every twentieth body of the large classes.
"""

from __future__ import annotations

import http.client
import os
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import orjson

from tests.conformance import FAULT
from tests.drill.service import whole_service
from tests.drill.table import Table, machine, today
from tests.hostile.corpus import ORDER, Hostile, all_of_it

EVERY = int(os.environ.get("HOSTILE_EVERY", "1"))
DEADLINE_MS = 1500
LATE_MS = DEADLINE_MS + 4000
"""A body that takes the service longer counts as a hang."""


@dataclass
class Found:
    """What one class of bodies did."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    faults: int = 0
    silent: int = 0

    def row(self, kind: str) -> tuple[str, ...]:
        """As it stands in the table."""
        codes = ", ".join(f"{code}: {n}" for code, n in sorted(self.statuses.items()))
        counts = (str(self.statuses.total()), codes, f"{self.slowest * 1000:.0f}")
        return (kind, *counts, str(self.faults), str(self.silent))


def _ask(port: int, each: Hostile) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        headers = {"Content-Type": each.content_type}
        connection.request("POST", f"/cds-services/{each.service}", each.body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


def _replay(port: int) -> dict[str, Found]:
    found: dict[str, Found] = defaultdict(Found)
    for each in all_of_it(EVERY):
        start = time.perf_counter()
        status, body = _ask(port, each)
        one = found[each.kind]
        one.slowest = max(one.slowest, time.perf_counter() - start)
        one.statuses[status] += 1
        one.faults += status >= 500 or status == 0 or FAULT in body
        if each.watched and each.service == ORDER:
            one.silent += status != 200 or not orjson.loads(body)["cards"]
    return found


def run() -> Table:
    """Replay, and say what each class did."""
    with whole_service() as service:
        found = _replay(service.port)
    slowest = max(one.slowest for one in found.values()) * 1000
    sound = all(one.faults == one.silent == 0 for one in found.values())
    return Table(
        title="Hostile request bodies",
        floor="no fault (5xx, no answer, a card that says so), no hang, no silence about an order "
        "that stays recognisable",
        columns=("class", "bodies", "answers", "slowest, ms", "faults", "silent"),
        rows=tuple(one.row(kind) for kind, one in found.items()),
        passed=sound and slowest < LATE_MS,
        machine=machine(),
        measured=today(),
    )
