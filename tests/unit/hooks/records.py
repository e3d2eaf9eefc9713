"""Records of one patient from plain FHIR dictionaries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from hooks import SERVICES
from hooks.fhir import Resource, read_resource
from hooks.readings.chart import Chart
from hooks.record import DraftOrder, Failure, PatientRecord

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
Json = dict[str, Any]


def coded(system: str, code: str, text: str | None = None) -> Json:
    """A CodeableConcept with one coding."""
    return {"coding": [{"system": system, "code": code}], **({"text": text} if text else {})}


def about(kind: str, own_id: str, **members: Any) -> Json:
    """A resource of the patient."""
    return {"resourceType": kind, "id": own_id, "subject": {"reference": "Patient/p"}, **members}


def mri(region: str, conclusion: str, day: str = "2026-11-12") -> Json:
    """The report of an MRI with contrast."""
    return about(
        "DiagnosticReport",
        f"{region.replace(' ', '-')}-{day}",
        status="final",
        code={"text": f"MRI {region} with contrast"},
        conclusion=conclusion,
        effectiveDateTime=day,
    )


DAY = date(2026, 11, 12)
INTRATHECAL = {"route": coded(SNOMED, "72607000")}


def problem(own_id: str, code: Json, **members: Any) -> Json:
    """A Condition of `DAY`."""
    return about("Condition", own_id, **{"code": code, "recordedDate": str(DAY), **members})


def observed(own_id: str, code: Json, **members: Any) -> Json:
    """A final Observation of `DAY`."""
    own = {"status": "final", "code": code, "effectiveDateTime": str(DAY)}
    return about("Observation", own_id, **{**own, **members})


def report(own_id: str, code: Json, conclusion: str = "", **members: Any) -> Json:
    """A final DiagnosticReport of `DAY`."""
    own = {"status": "final", "code": code, "effectiveDateTime": str(DAY)}
    told = {"conclusion": conclusion} if conclusion else {}
    return about("DiagnosticReport", own_id, **{**own, **told, **members})


def procedure(own_id: str, code: Json, **members: Any) -> Json:
    """A completed Procedure of `DAY`."""
    own = {"status": "completed", "code": code, "performedDateTime": str(DAY)}
    return about("Procedure", own_id, **{**own, **members})


def requested(own_id: str, drug: str, **members: Any) -> Json:
    """An active order of `DAY`."""
    own = {"status": "active", "intent": "order", "authoredOn": str(DAY)}
    concept = {"medicationCodeableConcept": {"text": drug}}
    return about("MedicationRequest", own_id, **{**own, **concept, **members})


def ordered(what: str, day: str) -> Json:
    """An active request of the work-up."""
    return about(
        "ServiceRequest",
        "ordered",
        status="active",
        intent="order",
        code={"text": what},
        authoredOn=day,
    )


PATIENT: Json = {"resourceType": "Patient", "id": "p", "birthDate": "1970-05-05"}
BREAST = about("Condition", "cancer", code=coded(ICD, "C50.9"), recordedDate="2024-01-01")
LM = about("Condition", "lm", code=coded(ICD, "C79.32"), recordedDate="2026-09-01")


def order(own_id: str = "d1", **members: Any) -> Json:
    """A clean draft order of 12 mg intrathecal methotrexate."""
    dosage: Json = {
        "text": "12 mg preservative-free in 12 mL",
        "route": coded(SNOMED, "72607000"),
        "site": {"text": "Ommaya reservoir"},
        "doseAndRate": [{"doseQuantity": {"value": 12, "unit": "mg"}}],
    }
    dosage.update(members.pop("dosage", {}))
    own: Json = {
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": "methotrexate"},
        "dosageInstruction": [dosage],
    }
    return about("MedicationRequest", own_id, **{**own, **members})


def _drafts(orders: Iterable[Json]) -> tuple[DraftOrder, ...]:
    found = []
    for raw in orders:
        try:
            struct: Resource | None = read_resource(raw)
        except Exception:
            struct = None
        found.append(DraftOrder(f"MedicationRequest/{raw.get('id', 'x')}", raw, struct))
    return tuple(found)


def record(
    *resources: Json,
    orders: Iterable[Json] = (),
    failures: Iterable[Failure] = (),
    now: datetime = NOW,
) -> PatientRecord:
    """The record of these resources; the Patient is added unless one is given."""
    kinds: dict[str, list[Resource]] = {}
    given = (
        resources
        if any(r["resourceType"] == "Patient" for r in resources)
        else (PATIENT, *resources)
    )
    for raw in given:
        struct = read_resource(raw)
        if struct is not None:
            kinds.setdefault(raw["resourceType"], []).append(struct)
    return PatientRecord(
        "p", now, {k: tuple(v) for k, v in kinds.items()}, tuple(failures), _drafts(orders)
    )


def items(service: str, found: PatientRecord) -> set[tuple[str, str]]:
    """(id, indicator) of every item."""
    return {(i.recommendation, i.indicator.value) for i in SERVICES[service].items(found)}


def signed(*resources: Json, orders: Iterable[Json], **options: Any) -> set[tuple[str, str]]:
    """The items of an order-sign call."""
    return items("lm-order-sign", record(*resources, orders=orders, **options))


def opened(*resources: Json, **options: Any) -> set[tuple[str, str]]:
    """The items of a patient-view call."""
    return items("lm-patient-view", record(*resources, **options))


def chart(*resources: Json) -> Chart:
    """The chart of these resources."""
    return Chart(record(*resources))
