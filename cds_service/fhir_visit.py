"""One hook call at one FHIR server: may it ask, may it ask again, how much may it read.

The first question takes a place at the server; a call that gets none is told `connection` for all
its questions at once, without a request. A request is repeated at most once, after up to 50 ms,
where no connection was made or the status was 502, 503 or 504, if 40 % of the time of the call is
left and the server's budget of repetitions allows it.

Against the server speak a connection that fails, a time limit that was fair, and 502, 503, 504:
nobody may be there. Every other status, also 500, is its answer to that query.
Source: trust section of the design (2.2: retry, circuit breaker, bulkhead, caps).
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

from cds_service.allowance import Allowance
from cds_service.circuit_breaker import Attempt
from cds_service.clock import monotonic
from cds_service.deadline import Deadline
from cds_service.fhir_client import FhirClient, HttpAnswer
from cds_service.server_guard import HeldBack
from hooks.record import Reason

P = ParamSpec("P")
T = TypeVar("T")
_NOBODY_THERE = (502, 503, 504)
_KIND = re.compile(r"^/(\w+)")
_LEFT_FOR_RETRY = 0.4
_JITTER_MILLISECONDS = 50
# A server that was given less time than this has not shown that it hangs.
_FAIR_SECONDS = 0.25


class Visit:
    """Used like a `FhirClient`, by one call; `leave` ends it.

    `held_back` says why nothing was asked, once the first question was refused.
    """

    def __init__(
        self,
        client: FhirClient,
        base: str,
        received: float,
        allowance: Allowance,
        *,
        order: bool,
    ) -> None:
        self.held_back: HeldBack | None = None
        self.allowance = allowance
        self._client, self._base, self._guard = client, base, client.guards.of(base)
        self._received, self._order = received, order
        self._attempt: Attempt | None = None
        self._failed: set[str] = set()

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run work in a thread of the client; at once where nothing may be asked."""
        if self._attempt is None and self.held_back is None:
            entered = self._guard.enter(order=self._order)
            if isinstance(entered, HeldBack):
                self.held_back = entered
            else:
                self._attempt = entered
        run = self._client.submit if self.held_back is None else _at_once
        return run(work, *args, **kwargs)

    def get(self, url: str, token: str | None, deadline: Deadline) -> HttpAnswer:
        """As `FhirClient.get`; `connection` for a server that is not asked now."""
        if self.held_back is not None:
            return HttpAnswer(reason=Reason.CONNECTION)
        self._guard.count_request()
        answer = self._ask(url, token, deadline)
        if not self._may_repeat(answer, deadline) or not self._guard.take_retry():
            return answer
        time.sleep(secrets.randbelow(_JITTER_MILLISECONDS + 1) / 1000)
        return self._ask(url, token, deadline)

    def leave(self) -> None:
        """Give the place at the server back."""
        if self._attempt is not None:
            self._guard.leave(self._attempt, frozenset(self._failed))

    def _ask(self, url: str, token: str | None, deadline: Deadline) -> HttpAnswer:
        began = monotonic()
        answer = self._client.get(url, token, deadline, self.allowance)
        if answer.status is not None and answer.status not in _NOBODY_THERE:
            self._guard.breaker.answered()
        elif answer.reason != Reason.NOT_ALLOWED and (
            answer.reason != Reason.TIMEOUT or monotonic() - began >= _FAIR_SECONDS
        ):
            self._failed.add(self._kind(url))
        return answer

    def _kind(self, url: str) -> str:
        """The resource type that an address asks for; empty for a page without one."""
        return "".join(_KIND.findall(url.removeprefix(self._base))[:1])

    def _may_repeat(self, answer: HttpAnswer, deadline: Deadline) -> bool:
        whole = deadline.at - self._received
        passing = answer.unconnected or answer.status in _NOBODY_THERE
        return passing and deadline.remaining() >= _LEFT_FOR_RETRY * whole


def _at_once(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """The outcome of work done here and now."""
    done: Future[T] = Future()
    try:
        done.set_result(work(*args, **kwargs))
    except Exception as defect:
        done.set_exception(defect)
    return done
