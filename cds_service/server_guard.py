"""What all hook calls of a process know together about one FHIR server: is it worth asking now?

A call that asks takes one of the places for waiting at this server (bulkhead), so that a hanging
server holds a known number of threads; some places are kept for `order-sign`. The circuit breaker
may keep it from asking. Repeated requests are drawn from a budget of 10 % of all requests.
Source: trust section of the design (2.2: bulkhead, circuit breaker, retry).
"""

from __future__ import annotations

import threading
from enum import StrEnum

from cds_service.circuit_breaker import Attempt, CircuitBreaker

MOST_WAITING = 16
KEPT_FOR_ORDERS = 4
RETRY_SHARE, MOST_SAVED_RETRIES = 0.1, 10.0
_MOST_SERVERS = 256


class HeldBack(StrEnum):
    """Why a call may not ask a server that is allowed."""

    CIRCUIT_OPEN = "circuit-open"
    TOO_MANY_WAITING = "too-many-waiting"


class ServerGuard:
    """The state of one server."""

    def __init__(self, breaker: CircuitBreaker | None = None) -> None:
        self.breaker = breaker or CircuitBreaker()
        self._lock = threading.Lock()
        self._waiting = 0
        self._retries = 0.0

    def enter(self, *, order: bool) -> Attempt | HeldBack:
        """A place for one call, which it must `leave`; or why there is none."""
        most = MOST_WAITING if order else MOST_WAITING - KEPT_FOR_ORDERS
        with self._lock:
            if self._waiting >= most:
                return HeldBack.TOO_MANY_WAITING
            attempt = self.breaker.begin()
            if attempt is None:
                return HeldBack.CIRCUIT_OPEN
            self._waiting += 1
            return attempt

    def leave(self, attempt: Attempt, failed: frozenset[str]) -> None:
        """Give the place back and say how it went; see `CircuitBreaker.ended`."""
        with self._lock:
            self._waiting -= 1
        self.breaker.ended(attempt, failed)

    def count_request(self) -> None:
        """A first request: a tenth of a repetition is earned."""
        with self._lock:
            self._retries = min(self._retries + RETRY_SHARE, MOST_SAVED_RETRIES)

    def take_retry(self) -> bool:
        """Whether one request may be repeated."""
        with self._lock:
            # Ten tenths do not add up to one exactly.
            enough = self._retries > 1 - RETRY_SHARE / 2
            self._retries -= enough
            return enough


class ServerGuards:
    """The guards of a process by base URL. The sandbox may name any port, so old ones go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guards: dict[str, ServerGuard] = {}

    def of(self, base: str) -> ServerGuard:
        """The guard of a server."""
        with self._lock:
            if base not in self._guards and len(self._guards) >= _MOST_SERVERS:
                del self._guards[next(iter(self._guards))]
            return self._guards.setdefault(base, ServerGuard())
