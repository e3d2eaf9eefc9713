"""A hook call -> the record of its patient: prefetch first, the FHIR server for the rest.

All open needs are asked at once; where the server refuses one, its fallback queries are asked
together instead. A second round reads the Medications and Specimens that are referred to and not
there. Everything ends at the one deadline. What could not be read completely is named by its
resource type with each reason; it never turns into "nothing found".
Source: data elements, sections 1.1, 1.7 and 2; clinical specification, section 1.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from cds_service import open_needs, references
from cds_service.allowance import Allowance
from cds_service.chart import Chart
from cds_service.config import Settings
from cds_service.deadline import Deadline
from cds_service.draft_orders import read_drafts
from cds_service.fhir_client import FhirClient
from cds_service.fhir_query import usable_id
from cds_service.fhir_search import FhirServer
from cds_service.fhir_server_policy import allowed_base
from cds_service.fhir_visit import Visit
from cds_service.hook_call import ORDER_SIGN, HookCall
from cds_service.prefetch import Prefetched, read_prefetch
from cds_service.questions import Questions
from hooks.fhir import MedicationAdministration, MedicationRequest
from hooks.readings.amount import within_reach
from hooks.readings.treatments import names_no_drug
from hooks.record import DataNeed, Failure, PatientRecord, Reason
from hooks.values.translation import at_site


class Needy(Protocol):
    """What of a service decides what is gathered."""

    @property
    def needs(self) -> tuple[DataNeed, ...]:
        """The questions to the record."""


@dataclass(slots=True)
class Counts:
    """What happened, for the log: numbers and need keys only, nothing of the record.

    `foreign` resources of other patients were set aside, `unreadable` ones too; `milliseconds`
    by need key, as far as the FHIR server was asked; `defects` are names of exception classes;
    `held_back` says why a server that may be asked was not (`HeldBack`).
    """

    foreign: int = 0
    unreadable: int = 0
    requests: int = 0
    milliseconds: dict[str, int] = field(default_factory=dict)
    defects: list[str] = field(default_factory=list)
    held_back: str | None = None


def gather(
    call: HookCall,
    service: Needy,
    settings: Settings,
    client: FhirClient,
    deadline: Deadline,
    now: datetime,
    counts: Counts | None = None,
) -> PatientRecord:
    """Everything that the call brings and the FHIR server adds before the deadline.

    Codes of the site say what they mean here from now on.
    """
    base, why_not = _base(call, settings)
    chart = Chart(call.patient_id or "", [text for text in (call.fhir_server, base) if text])
    drafts = read_drafts(call.draft_orders, chart)
    left = _read_prefetch(call, service, chart)
    with _questions(base, call, settings, client, deadline) as questions:
        if questions:
            failures = open_needs.ask(left, chart, questions)
        else:
            failures = open_needs.without_server(left, why_not)
        wanted = references.targets(chart, drafts)
        failures |= _follow(wanted, chart, questions, why_not)
    _count(counts, chart, questions, left)
    record = PatientRecord(
        patient_id=chart.patient_id,
        now=now,
        resources=chart.resources(),
        failures=tuple(sorted(failures | left.failures | chart.failures)),
        drafts=drafts,
        medications=references.by_reference("Medication", wanted, chart),
        specimens=references.by_reference("Specimen", wanted, chart),
        unresolved=frozenset(item.reference for item in references.unanswered(wanted, chart)),
    )
    return _without_silent_drugs(at_site(within_reach(record), settings.site))


def _without_silent_drugs(record: PatientRecord) -> PatientRecord:
    """The record; a standing request or a given dose whose drug nothing names is a failure."""
    entries = record.of(MedicationRequest), record.of(MedicationAdministration)
    if record.failed("Medication") or not names_no_drug(*entries, record.medications):
        return record
    unnamed = Failure("Medication", Reason.UNREADABLE)
    return replace(record, failures=tuple(sorted({*record.failures, unnamed})))


def _base(call: HookCall, settings: Settings) -> tuple[str | None, str]:
    """Our base of the server to ask, or None and why no server may be asked."""
    if not call.queries_allowed or not usable_id(call.patient_id):
        return None, call.why_not or Reason.NOT_ALLOWED
    if call.fhir_server is None:
        return None, Reason.NO_SERVER
    own = call.client.fhir_servers
    servers = settings.fhir_servers if own is None else own
    return allowed_base(settings.profile, servers, call.fhir_server), Reason.NOT_ALLOWED


@contextmanager
def _questions(
    base: str | None, call: HookCall, settings: Settings, client: FhirClient, deadline: Deadline
) -> Iterator[Questions | None]:
    """The way to ask the server of a call; None where no server may be asked."""
    if base is None:
        yield None
        return
    allowance, order = Allowance(settings.max_pages), call.hook == ORDER_SIGN
    visit = Visit(client, base, call.received, allowance, order=order)
    try:
        yield Questions(FhirServer(visit, base, call.access_token, deadline, settings.page_size))
    finally:
        visit.leave()


def _read_prefetch(call: HookCall, service: Needy, chart: Chart) -> Prefetched:
    """Without a patient nothing can be told to be theirs, so every need stays open."""
    if call.patient_id is None:
        return Prefetched(open=list(service.needs))
    return read_prefetch(call.prefetch, service.needs, chart, call.client.complete_prefetch)


def _follow(
    wanted: list[references.Target], chart: Chart, questions: Questions | None, why_not: str
) -> set[Failure]:
    """Read what is referred to and not there; the failures are what stays open."""
    if questions:
        references.read_instances(references.unanswered(wanted, chart), chart, questions)
    still_open = references.unanswered(wanted, chart)
    return references.failures_of(still_open, chart, questions, why_not)


def _count(
    counts: Counts | None, chart: Chart, questions: Questions | None, left: Prefetched
) -> None:
    if counts is None:
        return
    counts.foreign, counts.unreadable = chart.foreign, chart.unreadable
    if questions is None:
        return
    counts.requests, counts.defects = questions.requests, questions.defects
    counts.held_back = questions.server.visit.held_back
    counts.milliseconds = open_needs.milliseconds(left, chart, questions)
