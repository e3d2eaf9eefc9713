"""How many hook calls a process works on at once, and who goes first when it cannot serve all.

One interpreter computes one call at a time; more at once make all of them late and nothing
faster. So few calls compute, some wait in a bounded room, and the rest is told 503 at once. Calls
that come back from waiting for a FHIR server go on first, then `order-sign`, then `patient-view`;
part of the room is kept for `order-sign`. A call holds its place only while it computes: not
while it waits for a FHIR server (`aside`), nor while its body is still being sent.
Source: trust section of the design (2.2, bulkhead: patient-view is shed first, order-sign last).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from cds_service.errors import Overloaded
from hooks import Service

COMPUTING = 2
ROOM, KEPT_FOR_ORDERS = 40, 8


class Rank(IntEnum):
    """Who goes first."""

    RETURNING = 0
    ORDER = 1
    CHART = 2


def rank_of(service: Service) -> Rank:
    """The rank of a new call of a service."""
    return Rank.ORDER if service.on_orders else Rank.CHART


_MOST_WAITING = {Rank.ORDER: ROOM, Rank.CHART: ROOM - KEPT_FOR_ORDERS}
_WAIT_SHARE = {Rank.ORDER: 0.8, Rank.CHART: 0.2}
"""Part of the time of a call that it may wait for its place.

An order that is refused may be signed unseen, so it rather gets an answer that names what could
not be asked in the time that is left.
"""


class _Held(threading.local):
    """What the present thread holds: the place of an admission, and the word that one is kept."""

    admission: Admission | None = None
    expected: bool = False


_held = _Held()


class Admission:
    """The places of one process."""

    def __init__(self, computing: int = COMPUTING) -> None:
        self._lock = threading.Lock()
        self._free = computing
        self._waiting: dict[Rank, deque[threading.Lock]] = {rank: deque() for rank in Rank}
        self._expected = 0

    def is_full(self, rank: Rank) -> bool:
        """Whether a new call of this thread would be refused now."""
        return not _held.expected and self._crowd() >= _MOST_WAITING[rank]

    def expect(self, rank: Rank) -> bool:
        """Keep a place in the room for a call on its way to its thread; False: there is none.

        That thread must run under `expected`.
        """
        with self._lock:
            if self._crowd() >= _MOST_WAITING[rank]:
                return False
            self._expected += 1
            return True

    @contextmanager
    def expected(self) -> Iterator[None]:
        """The thread of a call for which a place is kept, until it takes it or ends without."""
        _held.expected = True
        try:
            yield
        finally:
            with self._lock:
                self._arrive()

    def _crowd(self) -> int:
        """Calls that wait, or will when they arrive."""
        waiting = sum(len(self._waiting[each]) for each in _WAIT_SHARE)
        return waiting + max(0, self._expected - self._free)

    def _arrive(self) -> bool:
        """Whether a place was kept for this thread; it is no more."""
        kept, _held.expected = _held.expected, False
        self._expected -= kept
        return kept

    @contextmanager
    def place(self, rank: Rank, deadline_ms: int) -> Iterator[None]:
        """A place to compute for one new call with so much time. Raises `Overloaded`."""
        if not self._enter(rank, _WAIT_SHARE[rank] * deadline_ms / 1000):
            raise Overloaded
        _held.admission = self
        try:
            yield
        finally:
            _held.admission = None
            self._leave()

    def _enter(self, rank: Rank, seconds: float) -> bool:
        with self._lock:
            was_kept = self._arrive()
            if self._free:
                self._free -= 1
                return True
            if rank is not Rank.RETURNING and not was_kept and self.is_full(rank):
                return False
            waiter = threading.Lock()
            waiter.acquire()
            self._waiting[rank].append(waiter)
        return waiter.acquire(timeout=seconds) or not self._gave_up(rank, waiter)

    def _gave_up(self, rank: Rank, waiter: threading.Lock) -> bool:
        """Leave the room; False where the place was handed over in this very moment."""
        with self._lock:
            there = waiter in self._waiting[rank]
            if there:
                self._waiting[rank].remove(waiter)
            return there

    def _leave(self) -> None:
        """Hand the place to whoever goes first."""
        with self._lock:
            for queue in self._waiting.values():
                if queue:
                    queue.popleft().release()
                    return
            self._free += 1


@contextmanager
def aside() -> Iterator[None]:
    """Give the place of this thread to others while it waits; without one, do nothing."""
    admission = _held.admission
    if admission is None:
        yield
        return
    admission._leave()
    try:
        yield
    finally:
        admission._enter(Rank.RETURNING, -1)
