"""When a FHIR server is not asked for a while, because it answers nobody.

The unit is the hook call, not the query. A call speaks against the server only if the server
answered no query of any call from its first query to its last, and calls that all lack the same
resource type speak against that query alone. So one query that hangs never closes the way to the
others, however many calls run at once. Five such calls in a row, or half of at least 20 within
10 s, open the circuit for 5 s. Then one call may try; the first answer of the server, to whomever,
closes the circuit at once.
Source: trust section of the design (2.2, circuit breaker).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cds_service.clock import monotonic

FAILURES_IN_A_ROW = 5
WINDOW_SECONDS, WINDOW_CALLS, WINDOW_SHARE = 10.0, 20, 0.5
OPEN_SECONDS = 5.0


@dataclass(frozen=True, eq=False, slots=True)
class Attempt:
    """A hook call that asks the server, and when it began to."""

    began: float


class CircuitBreaker:
    """The circuit to one server: closed (asked), open (not asked), or tried by one call."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open_until: float | None = None
        self._trial: Attempt | None = None
        self._answered_at = float("-inf")
        self._row: list[frozenset[str]] = []
        self._recent: deque[tuple[float, frozenset[str]]] = deque()

    def begin(self) -> Attempt | None:
        """The attempt of a call that may ask, to be given to `ended`; None while it may not."""
        with self._lock:
            attempt = Attempt(self._clock())
            if self._open_until is None:
                return attempt
            if self._trial is not None or attempt.began < self._open_until:
                return None
            self._trial = attempt
            return attempt

    def answered(self) -> None:
        """The server answered a query of some call."""
        with self._lock:
            self._answered_at = self._clock()
            self._row.clear()
            self._open_until = self._trial = None

    def ended(self, attempt: Attempt, failed: frozenset[str]) -> None:
        """A call has asked all that it had to ask; the server left it without these types."""
        with self._lock:
            silent = failed if self._answered_at < attempt.began else frozenset()
            if self._open_until is None:
                self._judge(silent)
            elif attempt is self._trial:
                self._trial = None
                if silent:
                    self._open()

    def _judge(self, silent: frozenset[str]) -> None:
        now = self._clock()
        self._row += [silent] if silent else []
        self._recent.append((now, silent))
        while self._recent[0][0] < now - WINDOW_SECONDS:
            self._recent.popleft()
        failures = [each for _, each in self._recent if each]
        often = len(self._recent) >= WINDOW_CALLS and (
            len(failures) >= WINDOW_SHARE * len(self._recent)
        )
        in_a_row = len(self._row) >= FAILURES_IN_A_ROW
        if (in_a_row and _differ(self._row)) or (often and _differ(failures)):
            self._open()

    def _open(self) -> None:
        self._open_until = self._clock() + OPEN_SECONDS
        self._row.clear()
        self._recent.clear()


def _differ(failures: Iterable[frozenset[str]]) -> bool:
    """Whether more than one resource type is lacking."""
    return len(frozenset().union(*failures)) > 1
