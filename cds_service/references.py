"""References that facts must see through: to Medications and to Specimens.

What an order, a request, an administration, a report or an Observation points to is looked for
among everything received; contained resources belong to their container and are left to it. What
is not there is read from the FHIR server. A drug that cannot be resolved is a failure unless its
reference has a display, which then serves as its name; a reported specimen always is one.
Source: data elements, sections 1.2, 2 and 3.7 (order.drug); clinical specification, section 1.9.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from cds_service.chart import Chart
from cds_service.fhir_query import usable_id
from cds_service.questions import Questions
from hooks.fhir import (
    DiagnosticReport,
    MedicationAdministration,
    MedicationRequest,
    Observation,
    Reference,
    Resource,
)
from hooks.readings.cytology import may_be_cytology
from hooks.record import DraftOrder, Failure, Reason

MOST_READS = 200
"""Instances read for one call; more references are not followed, and that is a failure."""

_MEDICATION, _SPECIMEN = "Medication", "Specimen"
_REQUESTED = ("active", "draft")
_GIVEN = ("completed", "in-progress")
_VOID = ("cancelled", "entered-in-error", "unknown", None)


class Target(NamedTuple):
    """A literal reference to another resource.

    `counts` says that facts read the resource it stands in, `named` that its display can serve.
    """

    kind: str
    reference: str
    counts: bool
    named: bool


def targets(chart: Chart, drafts: Iterable[DraftOrder]) -> list[Target]:
    """All literal references to Medications and Specimens, each once, in the order received."""
    found: dict[tuple[str, str], Target] = {}
    for kind, reference, counts in _references(chart, drafts):
        text = reference.reference
        if not text or text.startswith("#"):
            continue
        named = kind == _MEDICATION and bool(reference.display)
        known = found.get((kind, text), Target(kind, text, False, True))
        found[kind, text] = Target(
            kind, text, known.counts or counts, known.named and (named or not counts)
        )
    return list(found.values())


def unanswered(wanted: Iterable[Target], chart: Chart) -> list[Target]:
    """The references that matter and point to nothing that was received."""
    return [item for item in wanted if item.counts and not chart.find(item.kind, item.reference)]


def read_instances(wanted: Sequence[Target], chart: Chart, questions: Questions) -> None:
    """Read what can be read by `Type/id`, all at once, into the chart."""
    queries = dict.fromkeys(_instance(item, chart) for item in wanted)
    asked = [query for query in queries if query][:MOST_READS]
    for query in asked:
        questions.ask(query)
    questions.wait()
    for query in asked:
        for page in questions.result(query).pages:
            chart.add(page)


def failures_of(
    still_open: Iterable[Target], chart: Chart, questions: Questions | None, why_not: str
) -> set[Failure]:
    """The failure of each reference that stayed open; `why_not` is that of no questions at all."""
    return {
        Failure(item.kind, _reason(item, chart, questions) if questions else why_not)
        for item in still_open
        if not item.named
    }


def by_reference(kind: str, wanted: Iterable[Target], chart: Chart) -> dict[str, Any]:
    """All resources of one type by `fullUrl`, by `Type/id`, and by each reference as it stands."""
    pointed_to = {
        item.reference: chart.find(kind, item.reference) for item in wanted if item.kind == kind
    }
    return chart.referable(kind) | {text: found for text, found in pointed_to.items() if found}


def _reason(item: Target, chart: Chart, questions: Questions) -> str:
    query = _instance(item, chart)
    if query is None:
        return Reason.NOT_ALLOWED if "://" in item.reference else Reason.UNREADABLE
    if not questions.was_asked(query):
        return Reason.TRUNCATED
    return min(questions.result(query).reasons, default=Reason.UNREADABLE)


def _instance(item: Target, chart: Chart) -> str | None:
    own_id = chart.local_id(item.kind, item.reference)
    return f"{item.kind}/{own_id}" if usable_id(own_id) else None


def _references(
    chart: Chart, drafts: Iterable[DraftOrder]
) -> Iterator[tuple[str, Reference, bool]]:
    """Type pointed to, reference, and whether the status makes facts read it."""
    yield from _medicated((draft.resource for draft in drafts), None)
    yield from _medicated(chart.of(MedicationRequest), _REQUESTED)
    yield from _medicated(chart.of(MedicationAdministration), _GIVEN)
    for report in chart.of(DiagnosticReport):
        counts = report.status not in _VOID and may_be_cytology(report)
        for specimen in report.specimen or ():
            yield _SPECIMEN, specimen, counts
    for observation in chart.of(Observation):
        if observation.specimen:
            counts = observation.status not in _VOID and may_be_cytology(observation)
            yield _SPECIMEN, observation.specimen, counts


def _is_stated(resource: MedicationRequest | MedicationAdministration) -> bool:
    """Whether the drug stands in the entry itself; an empty concept states nothing."""
    concept = resource.medication_codeable_concept
    return bool(concept and (concept.coding or concept.text))


def _medicated(
    resources: Iterable[Resource | None], statuses: tuple[str, ...] | None
) -> Iterator[tuple[str, Reference, bool]]:
    for resource in resources:
        match resource:
            case MedicationRequest() | MedicationAdministration():
                if resource.medication_reference and not _is_stated(resource):
                    counts = statuses is None or resource.status in statuses
                    yield _MEDICATION, resource.medication_reference, counts
