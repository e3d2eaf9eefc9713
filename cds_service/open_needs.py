"""The open needs of a hook call, asked of the FHIR server, with fallbacks where it refuses.

Where a server does not take a query (400, 404 or 422), the fallback queries of the need are asked
together; one that fails leaves the need failed. Specimens have none: the references of the reports
answer them, unless the reports could not be read themselves.
Source: data elements, section 2; clinical specification, section 1.9.
"""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.chart import Chart
from cds_service.fhir_answer import Page
from cds_service.fhir_query import filled
from cds_service.fhir_search import QueryResult
from cds_service.prefetch import Prefetched
from cds_service.questions import Questions
from hooks.record import DataNeed, Failure, Reason

_PATIENT, _SPECIMEN, _REPORT = "Patient", "Specimen", "DiagnosticReport"


def without_server(left: Prefetched, why_not: str) -> set[Failure]:
    """The failures of all that is open where no server may be asked."""
    failures = {Failure(need.resource_type, why_not) for need in left.open}
    return failures | {Failure(need.resource_type, Reason.TRUNCATED) for need, _ in left.paged}


def ask(left: Prefetched, chart: Chart, questions: Questions) -> set[Failure]:
    """Ask all that is open at once, and the fallbacks of each query that is refused."""
    fallbacks = {_query(need, chart): _fallbacks(need, chart) for need in left.open}

    def ask_fallbacks(query: str, result: QueryResult) -> None:
        for other in fallbacks.get(query, ()) if result.refused else ():
            questions.ask(other)

    for query in fallbacks:
        questions.ask(query)
    for need, page in left.paged:
        questions.follow(need.key, page)
    questions.wait(then=ask_fallbacks)
    failures = left.failures | _take_pages(left.paged, chart, questions)
    failures |= _take_answers(left.open, chart, questions)
    return failures | _unreported_specimens(left, chart, questions, failures)


def milliseconds(left: Prefetched, chart: Chart, questions: Questions) -> dict[str, int]:
    """Time until the last answer to each need that was asked and answered, by need key."""
    spent: dict[str, int] = {}
    for need in left.open:
        for query in _answering(need, chart, questions):
            answered_after = questions.milliseconds(query)
            if answered_after is not None:
                spent[need.key] = max(answered_after, spent.get(need.key, 0))
    return spent


def _take_pages(
    paged: Iterable[tuple[DataNeed, Page]], chart: Chart, questions: Questions
) -> set[Failure]:
    failures = set()
    for need, _ in paged:
        result = questions.result(need.key)
        for page in result.pages[1:]:
            chart.add(page)
        # Without a result the pages were cut off: the first one was read.
        reasons = result.reasons if result.pages else {Reason.TRUNCATED}
        failures |= {Failure(need.resource_type, reason) for reason in reasons}
    return failures


def _take_answers(needs: Iterable[DataNeed], chart: Chart, questions: Questions) -> set[Failure]:
    failures = set()
    taken: set[str] = set()
    for need in needs:
        reasons: set[str] = set()
        for query in _answering(need, chart, questions):
            result = questions.result(query)
            reasons |= result.reasons
            reasons |= _of_other_types(need, result.pages)
            for page in result.pages if query not in taken else ():
                chart.add(page)
            taken.add(query)
        if need.resource_type == _PATIENT and not reasons and not chart.has(_PATIENT):
            reasons.add(Reason.UNREADABLE)
        failures |= {Failure(need.resource_type, reason) for reason in reasons}
    return failures


def _of_other_types(need: DataNeed, pages: Iterable[Page]) -> set[str]:
    """An answer that holds only matches of other types is no answer to the question."""
    kinds = {entry.kind for page in pages for entry in page.entries if entry.match}
    return {Reason.UNREADABLE} if kinds and need.resource_type not in kinds else set()


def _answering(need: DataNeed, chart: Chart, questions: Questions) -> tuple[str, ...]:
    """The queries that answer a need; none for specimens, which their references answer."""
    query = _query(need, chart)
    if questions.result(query).refused:
        fallbacks = _fallbacks(need, chart)
        if fallbacks or need.resource_type == _SPECIMEN:
            return fallbacks
    return (query,)


def _unreported_specimens(
    left: Prefetched, chart: Chart, questions: Questions, failures: set[Failure]
) -> set[Failure]:
    """A refused Specimen query whose substitute, the references of the reports, is incomplete."""
    if not any(failure.category == _REPORT for failure in failures):
        return set()
    results = [
        questions.result(_query(n, chart)) for n in left.open if n.resource_type == _SPECIMEN
    ]
    return {Failure(_SPECIMEN, r) for result in results if result.refused for r in result.reasons}


def _query(need: DataNeed, chart: Chart) -> str:
    return filled(need.query, chart.patient_id)


def _fallbacks(need: DataNeed, chart: Chart) -> tuple[str, ...]:
    return tuple(filled(query, chart.patient_id) for query in need.fallbacks)
