"""The patient record as the rules see it: typed resources of one patient, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeVar, cast

from hooks.fhir import JsonObject, Medication, Patient, Resource, Specimen
from hooks.site import NO_SITE, Site

R = TypeVar("R", bound=Resource)


class Reason(StrEnum):
    """Why a query could not be answered completely. `http-NNN` is made by `http_reason`."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    REDIRECT = "redirect"
    NOT_JSON = "not-json"
    TOO_LARGE = "too-large"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    NOT_ALLOWED = "not-allowed"
    NO_SERVER = "no-server"


def http_reason(status: int) -> str:
    """The reason for an HTTP status that is no answer, e.g. `http-503`."""
    return f"http-{status}"


@dataclass(frozen=True, slots=True, order=True)
class Failure:
    """One FHIR resource type that could not be looked at completely, and why."""

    category: str
    reason: str


@dataclass(frozen=True, slots=True)
class DataNeed:
    """One question to the record: a FHIR query that serves as prefetch template.

    `query` is a template over `{{context.patientId}}`; `fallbacks` are the queries to ask
    together instead where a server refuses the first one (data elements, section 2).
    `value_sets` are those whose codes the query lists.
    """

    key: str
    resource_type: str
    query: str
    hooks: frozenset[str]
    fallbacks: tuple[str, ...] = ()
    value_sets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DraftOrder:
    """One entry of `context.draftOrders`.

    `raw` is the resource as received (empty where there is none), `resource` its struct (None
    when it cannot be read);
    `label` names it in cards: `MedicationRequest/id`, or its position for an order without id.
    """

    label: str
    raw: JsonObject
    resource: Resource | None
    another_patient: bool = False


@dataclass(frozen=True)
class PatientRecord:
    """Everything one hook call knows about its patient.

    `now` is the time of the call in UTC. `resources` holds readable resources of this patient
    only, without duplicates. `medications` and `specimens` resolve references (`Type/id`,
    absolute URL or `urn:uuid:`). `failures` names each category that was not read completely.
    `site` is what the site of the service declares (`at_site`).
    """

    patient_id: str
    now: datetime
    resources: Mapping[str, tuple[Resource, ...]] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    drafts: tuple[DraftOrder, ...] = ()
    medications: Mapping[str, Medication] = field(default_factory=dict)
    specimens: Mapping[str, Specimen] = field(default_factory=dict)
    unresolved: frozenset[str] = frozenset()
    site: Site = NO_SITE

    def of(self, kind: type[R]) -> tuple[R, ...]:
        """The resources of one type, in the order received."""
        return cast("tuple[R, ...]", self.resources.get(kind.__name__, ()))

    def failed(self, category: str) -> bool:
        """Whether this resource type was not read completely."""
        return any(failure.category == category for failure in self.failures)

    @property
    def patient(self) -> Patient | None:
        """The Patient resource of the call, where it was readable."""
        return next(iter(self.of(Patient)), None)
