"""The questions of one hook call to one FHIR server: asked at once, each once, until the deadline.

The threads end their requests at the deadline by themselves. What they have not handed over a
moment later counts as timed out, so a call never waits for a thread that is late.
Source: trust section of the design (fetch: all queries concurrently under one deadline).
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait

from cds_service.admission import aside
from cds_service.clock import monotonic
from cds_service.deadline import Deadline
from cds_service.fhir_answer import Page
from cds_service.fhir_search import FhirServer, QueryResult
from hooks.record import Reason

_HAND_OVER_SECONDS = 0.03
_TIMED_OUT = QueryResult(reasons=frozenset({Reason.TIMEOUT.value}))
_BROKEN = QueryResult(reasons=frozenset({Reason.UNREADABLE.value}))


class Questions:
    """Runs queries in the threads of the client and keeps their results by name.

    `defects` holds the class names of exceptions that should not have happened.
    """

    def __init__(self, server: FhirServer) -> None:
        self.server = server
        self.defects: list[str] = []
        self._started = monotonic()
        self._running: dict[Future[QueryResult], str] = {}
        self._results: dict[str, QueryResult] = {}
        self._milliseconds: dict[str, int] = {}
        self._asked: set[str] = set()

    def ask(self, query: str) -> None:
        """Start a query (a filled template or `Type/id`) unless it was asked before."""
        if query not in self._asked:
            self._start(query, self.server.visit.submit(self.server.ask, query))

    def follow(self, name: str, first: Page) -> None:
        """Start reading the pages after a prefetched one."""
        self._start(name, self.server.visit.submit(self.server.follow, first))

    def wait(self, then: Callable[[str, QueryResult], None] | None = None) -> None:
        """Wait until all is answered or the deadline has passed; `then` may ask more."""
        end = Deadline(self.server.deadline.at + _HAND_OVER_SECONDS)
        while self._running:
            with aside():
                done, late = wait(self._running, end.remaining(), return_when=FIRST_COMPLETED)
            for future in late if not done else ():
                future.cancel()
                del self._running[future]
            for future in done:
                name = self._running.pop(future)
                self._results[name] = self._outcome(future)
                self._milliseconds[name] = round((monotonic() - self._started) * 1000)
                if then:
                    then(name, self._results[name])

    def result(self, name: str) -> QueryResult:
        """The result of a question; timed out where none arrived."""
        return self._results.get(name, _TIMED_OUT)

    def was_asked(self, name: str) -> bool:
        """Whether this question was put."""
        return name in self._asked

    def milliseconds(self, name: str) -> int | None:
        """Time from the first question to the last page of this one; None without an answer."""
        return self._milliseconds.get(name)

    @property
    def requests(self) -> int:
        """HTTP requests whose outcome arrived."""
        return sum(result.requests for result in self._results.values())

    def _start(self, name: str, future: Future[QueryResult]) -> None:
        self._asked.add(name)
        self._running[future] = name

    def _outcome(self, future: Future[QueryResult]) -> QueryResult:
        defect = future.exception()
        if defect is None:
            return future.result()
        self.defects.append(type(defect).__name__)
        return _BROKEN
