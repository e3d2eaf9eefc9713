"""One application's parts, and the path of a hook call through them.

    HookCall -> gather (prefetch, FHIR server) -> PatientRecord -> Service.cards -> HookAnswer

Nothing here knows HTTP; `routes` does. Chart-open cards are remembered in the store so that
feedback can dismiss them. A store that cannot be used costs the dismissals (more cards), never
the answer; `order-sign` does not use it at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from flask import Flask

from cds_service import answers
from cds_service.admission import Admission
from cds_service.answers import HookAnswer
from cds_service.client_auth import Door
from cds_service.clients import ANYONE, Client
from cds_service.clock import Clock
from cds_service.config import Settings
from cds_service.deadline import Deadline
from cds_service.errors import RequiredDataMissing, StoreUnavailable, UnknownService
from cds_service.fhir_client import FhirClient
from cds_service.gather import Counts, gather
from cds_service.hook_call import ORDER_SIGN, PATIENT_VIEW, HookCall
from cds_service.logs import Log
from cds_service.metrics import Metrics
from cds_service.store import Store
from hooks import Card, Service, content_version, order_not_checked
from hooks.record import Failure, PatientRecord

EXTENSION = "lm_cds"
REQUIRED_ON_PATIENT_VIEW = ("Patient", "Condition")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer to one call, and for the log what failed and how much was looked at."""

    answer: HookAnswer
    failures: tuple[Failure, ...] = ()
    counts: Counts = field(default_factory=Counts)


@dataclass(frozen=True, slots=True)
class Edge:
    """The parts of one running application."""

    settings: Settings
    clock: Clock
    client: FhirClient
    store: Store
    log: Log
    services: Mapping[str, Service]
    door: Door
    admission: Admission
    metrics: Metrics

    def close(self) -> None:
        """Give connections and threads back."""
        self.client.close()
        self.door.close()
        self.store.close()

    @property
    def content_version(self) -> str:
        """Release and hash of the knowledge that decides, with that of the site."""
        return content_version(self.settings.site)

    def service(self, service_id: str, client: Client = ANYONE) -> Service:
        """The service of a path. Raises `UnknownService`, also where the client may not call it."""
        found = self.services.get(service_id)
        if found is None or not client.may_call(service_id):
            raise UnknownService
        return found

    def deadline_ms(self, client: Client) -> int:
        """The time of a call of a client, in milliseconds."""
        return client.deadline_ms or self.settings.deadline_ms

    def record(
        self, service: Service, call: HookCall, counts: Counts | None = None
    ) -> PatientRecord:
        """Everything that the call brings and the FHIR server adds before the deadline."""
        deadline = Deadline.after(call.received, self.deadline_ms(call.client))
        now = self.clock.now()
        return gather(call, service, self.settings, self.client, deadline, now, counts)

    def evaluate(self, service: Service, call: HookCall, base: str | None = None) -> Evaluation:
        """The cards of a call, and what they rest on; `base` is where their pages are found.

        Raises `RequiredDataMissing` on `patient-view` without Patient or Condition.
        """
        if service.hook == PATIENT_VIEW and call.user_is_patient_or_relative:
            return Evaluation(answers.build(()))
        if service.hook == ORDER_SIGN:
            return self._signed(service, call, base)
        counts = Counts()
        record = self.record(service, call, counts)
        require(record)
        answer = self._remembered(service, call, record, base)
        return Evaluation(answer, record.failures, counts)

    def _signed(self, service: Service, call: HookCall, base: str | None) -> Evaluation:
        """The cards of an order. A fault of ours is one of them: an error would not be seen."""
        counts = Counts()
        try:
            record = self.record(service, call, counts)
            answer = answers.build(service.cards(record), base)
        except Exception as fault:
            self.log.fault(fault)
            return self.not_checked(base)
        return Evaluation(answer, record.failures, counts)

    def not_checked(self, base: str | None) -> Evaluation:
        """The answer about an order that nothing could look at."""
        return Evaluation(answers.build([order_not_checked(self.content_version)], base))

    def _remembered(
        self, service: Service, call: HookCall, record: PatientRecord, base: str | None
    ) -> HookAnswer:
        """The chart-open answer without dismissed items, its cards kept for later feedback."""
        cards = service.cards(record)
        if not cards:
            return answers.build(cards, base)
        try:
            name = call.client.name
            key = self.store.subject_key(name, call.fhir_server or "", record.patient_id)
            dismissed = self.store.dismissals(key)
            answer = answers.build(service.cards(record, dismissed) if dismissed else cards, base)
            if answer.issued:
                self.store.record_issued(service.id, key, answer.issued, self.clock.now(), name)
        except StoreUnavailable as failure:
            self.log.store_failed(failure)
            return answers.build(cards, base)
        return answer


def require(record: PatientRecord) -> None:
    """Refuse `patient-view` if Patient or Condition could not be read at all.

    A Condition answer of which a part was read is enough (clinical specification, section 1.9).
    """
    missing = [
        (category, sorted({f.reason for f in record.failures if f.category == category}))
        for category in REQUIRED_ON_PATIENT_VIEW
        if record.failed(category) and not record.resources.get(category)
    ]
    if missing:
        raise RequiredDataMissing(missing)


def edge_of(app: Flask) -> Edge:
    """The parts of an application."""
    return cast(Edge, app.extensions[EXTENSION])


def log_fields(evaluation: Evaluation) -> dict[str, Any]:
    """What the log may tell: cards by uuid and recommendation ids, failures, counts."""
    answer, counts = evaluation.answer, evaluation.counts
    return {
        "cards": [_card_line(card_uuid, card) for card_uuid, card in answer.issued],
        "failures": [f"{failure.category}: {failure.reason}" for failure in evaluation.failures],
        "dropped_suggestions": answer.dropped_suggestions,
        "queries": counts.requests,
        "foreign": counts.foreign,
        "unreadable": counts.unreadable,
        "defects": counts.defects,
        "held_back": counts.held_back,
    }


def _card_line(card_uuid: str, card: Card) -> dict[str, Any]:
    return {
        "id": card_uuid,
        "indicator": str(card.body["indicator"]),
        "recommendations": [item.recommendation for item in card.items],
    }
