"""The elements of FHIR R4 resources that facts read, as strict small structs.

Only elements that some fact needs are declared; everything else in a resource is ignored.
A declared element of the wrong JSON type makes the resource unreadable (`msgspec.ValidationError`),
which the caller reports instead of guessing. A JSON `null` counts as an absent element.
Source: FHIR R4 (4.0.1) resource definitions.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

JsonObject: TypeAlias = dict[str, Any]
Code: TypeAlias = Annotated[str, msgspec.Meta(max_length=500)]
"""A code, a system, a date or a unit; a longer one is unreadable."""
Title: TypeAlias = Annotated[str, msgspec.Meta(max_length=2_000)]
"""A name of something. A longer one is unreadable, so that reading stays quick."""
LONGEST_TEXT = 50_000
Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
"""Free text. A longer one is unreadable, never cut."""


class Element(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """Base of all structs: immutable, unknown members ignored, camelCase on the wire.

    What is read from JSON cannot hold itself, so the garbage collector need not look at it.
    """


class Coding(Element, frozen=True, cache_hash=True):
    """R4 Coding."""

    system: Code | None = None
    code: Code | None = None
    display: Title | None = None


class CodeableConcept(Element, frozen=True, cache_hash=True):
    """R4 CodeableConcept."""

    coding: tuple[Coding, ...] | None = None
    text: Title | None = None


class Quantity(Element, frozen=True):
    """R4 Quantity; `value` in the unit that `code`, else `unit`, names."""

    value: float | None = None
    comparator: Code | None = None
    unit: Code | None = None
    code: Code | None = None


class Reference(Element, frozen=True):
    """R4 Reference."""

    reference: Title | None = None
    display: Title | None = None


class Identifier(Element, frozen=True):
    """R4 Identifier."""

    system: Code | None = None
    value: Code | None = None


class Period(Element, frozen=True):
    """R4 Period; FHIR dateTime strings."""

    start: Code | None = None
    end: Code | None = None


class Annotation(Element, frozen=True):
    """R4 Annotation."""

    text: Text | None = None


class Resource(Element, frozen=True):
    """What every resource has; `resource_type` as on the wire."""

    resource_type: str
    id: str | None = None


class Patient(Resource, frozen=True):
    """R4 Patient."""

    birth_date: Code | None = None


class ConditionStage(Element, frozen=True):
    """R4 Condition.stage."""

    summary: CodeableConcept | None = None


class Condition(Resource, frozen=True):
    """R4 Condition."""

    subject: Reference | None = None
    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    code: CodeableConcept | None = None
    stage: tuple[ConditionStage, ...] | None = None
    onset_date_time: Code | None = None
    recorded_date: Code | None = None
    abatement_date_time: Code | None = None
    abatement_age: Quantity | None = None
    abatement_period: Period | None = None
    abatement_range: JsonObject | None = None
    abatement_string: Code | None = None
    note: tuple[Annotation, ...] | None = None


class ObservationComponent(Element, frozen=True):
    """R4 Observation.component."""

    code: CodeableConcept | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: Text | None = None


class Observation(Resource, frozen=True):
    """R4 Observation."""

    status: Code | None = None
    subject: Reference | None = None
    code: CodeableConcept | None = None
    part_of: tuple[Reference, ...] | None = None
    specimen: Reference | None = None
    effective_date_time: Code | None = None
    effective_instant: Code | None = None
    effective_period: Period | None = None
    issued: Code | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: Text | None = None
    value_boolean: bool | None = None
    value_integer: int | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: tuple[CodeableConcept, ...] | None = None
    note: tuple[Annotation, ...] | None = None
    component: tuple[ObservationComponent, ...] | None = None
    contained: tuple[JsonObject, ...] | None = None


class Attachment(Element, frozen=True):
    """R4 Attachment; `data` is base64 of any length, so that a long one spoils no report."""

    content_type: Code | None = None
    data: str | None = None


class DiagnosticReport(Resource, frozen=True):
    """R4 DiagnosticReport."""

    status: Code | None = None
    subject: Reference | None = None
    code: CodeableConcept | None = None
    specimen: tuple[Reference, ...] | None = None
    effective_date_time: Code | None = None
    effective_period: Period | None = None
    issued: Code | None = None
    conclusion: Text | None = None
    conclusion_code: tuple[CodeableConcept, ...] | None = None
    presented_form: tuple[Attachment, ...] | None = None
    contained: tuple[JsonObject, ...] | None = None


class SpecimenCollection(Element, frozen=True):
    """R4 Specimen.collection."""

    collected_date_time: Code | None = None
    collected_period: Period | None = None
    quantity: Quantity | None = None


class SpecimenProcessing(Element, frozen=True):
    """R4 Specimen.processing."""

    description: Text | None = None
    procedure: CodeableConcept | None = None
    additive: tuple[Reference, ...] | None = None
    time_date_time: Code | None = None
    time_period: Period | None = None


class SpecimenContainer(Element, frozen=True):
    """R4 Specimen.container."""

    additive_codeable_concept: CodeableConcept | None = None


class Specimen(Resource, frozen=True):
    """R4 Specimen."""

    status: Code | None = None
    subject: Reference | None = None
    type: CodeableConcept | None = None
    received_time: Code | None = None
    collection: SpecimenCollection | None = None
    processing: tuple[SpecimenProcessing, ...] | None = None
    container: tuple[SpecimenContainer, ...] | None = None
    note: tuple[Annotation, ...] | None = None


class TimingRepeat(Element, frozen=True):
    """R4 Timing.repeat."""

    bounds_period: Period | None = None
    frequency: int | None = None
    period: float | None = None
    period_unit: Code | None = None


class Timing(Element, frozen=True):
    """R4 Timing."""

    event: tuple[Code, ...] | None = None
    repeat: TimingRepeat | None = None
    code: CodeableConcept | None = None


class DoseAndRate(Element, frozen=True):
    """R4 Dosage.doseAndRate."""

    type: CodeableConcept | None = None
    dose_quantity: Quantity | None = None


class Dosage(Element, frozen=True):
    """R4 Dosage."""

    text: Text | None = None
    patient_instruction: Text | None = None
    additional_instruction: tuple[CodeableConcept, ...] | None = None
    timing: Timing | None = None
    site: CodeableConcept | None = None
    route: CodeableConcept | None = None
    dose_and_rate: tuple[DoseAndRate, ...] | None = None


class MedicationRequest(Resource, frozen=True):
    """R4 MedicationRequest."""

    status: Code | None = None
    intent: Code | None = None
    do_not_perform: bool | None = None
    identifier: tuple[Identifier, ...] | None = None
    subject: Reference | None = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    authored_on: Code | None = None
    reason_code: tuple[CodeableConcept, ...] | None = None
    dosage_instruction: tuple[Dosage, ...] | None = None
    note: tuple[Annotation, ...] | None = None
    prior_prescription: Reference | None = None
    based_on: tuple[Reference, ...] | None = None
    replaces: tuple[Reference, ...] | None = None
    contained: tuple[JsonObject, ...] | None = None


class MedicationIngredient(Element, frozen=True):
    """R4 Medication.ingredient."""

    item_codeable_concept: CodeableConcept | None = None
    item_reference: Reference | None = None


class Medication(Resource, frozen=True):
    """R4 Medication."""

    code: CodeableConcept | None = None
    form: CodeableConcept | None = None
    ingredient: tuple[MedicationIngredient, ...] | None = None


class AdministrationDosage(Element, frozen=True):
    """R4 MedicationAdministration.dosage."""

    text: Text | None = None
    route: CodeableConcept | None = None
    dose: Quantity | None = None


class MedicationAdministration(Resource, frozen=True):
    """R4 MedicationAdministration."""

    status: Code | None = None
    subject: Reference | None = None
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    effective_date_time: Code | None = None
    effective_period: Period | None = None
    dosage: AdministrationDosage | None = None
    contained: tuple[JsonObject, ...] | None = None


class Procedure(Resource, frozen=True):
    """R4 Procedure; `category` is also read as the list that R5 makes of it."""

    status: Code | None = None
    subject: Reference | None = None
    category: CodeableConcept | tuple[CodeableConcept, ...] | None = None
    code: CodeableConcept | None = None
    performed_date_time: Code | None = None
    performed_period: Period | None = None
    body_site: tuple[CodeableConcept, ...] | None = None
    note: tuple[Annotation, ...] | None = None


class ServiceRequest(Resource, frozen=True):
    """R4 ServiceRequest."""

    status: Code | None = None
    intent: Code | None = None
    do_not_perform: bool | None = None
    subject: Reference | None = None
    code: CodeableConcept | None = None
    authored_on: Code | None = None
    body_site: tuple[CodeableConcept, ...] | None = None
    note: tuple[Annotation, ...] | None = None


class DeviceName(Element, frozen=True):
    """R4 Device.deviceName."""

    name: Title | None = None


class Device(Resource, frozen=True):
    """R4 Device."""

    status: Code | None = None
    patient: Reference | None = None
    type: CodeableConcept | None = None
    device_name: tuple[DeviceName, ...] | None = None
    model_number: Title | None = None
    note: tuple[Annotation, ...] | None = None


class AllergyReaction(Element, frozen=True):
    """R4 AllergyIntolerance.reaction."""

    manifestation: tuple[CodeableConcept, ...] | None = None
    severity: Code | None = None


class AllergyIntolerance(Resource, frozen=True):
    """R4 AllergyIntolerance."""

    clinical_status: CodeableConcept | None = None
    verification_status: CodeableConcept | None = None
    patient: Reference | None = None
    code: CodeableConcept | None = None
    criticality: Code | None = None
    reaction: tuple[AllergyReaction, ...] | None = None


R = TypeVar("R", bound=Resource)

RESOURCE_TYPES: dict[str, type[Resource]] = {
    struct.__name__: struct
    for struct in (
        Patient,
        Condition,
        Observation,
        DiagnosticReport,
        Specimen,
        MedicationRequest,
        Medication,
        MedicationAdministration,
        Procedure,
        ServiceRequest,
        Device,
        AllergyIntolerance,
    )
}
"""The resource types that facts read, by FHIR type name."""
_LISTS: dict[str, Any] = {name: list[struct] for name, struct in RESOURCE_TYPES.items()}  # type: ignore[valid-type]
_CONTAINING = frozenset(
    name for name, struct in RESOURCE_TYPES.items() if "contained" in struct.__struct_fields__
)


def readable_part(raw: JsonObject) -> Resource:
    """The struct of a raw resource of a known type without the members that cannot be read."""
    struct = RESOURCE_TYPES[raw["resourceType"]]
    kept: JsonObject = {"resourceType": raw["resourceType"]}
    for name, value in raw.items():
        try:
            msgspec.convert({**kept, name: value}, struct)
        except msgspec.ValidationError:
            continue
        kept[name] = value
    return msgspec.convert(kept, struct)


def contained(entries: tuple[JsonObject, ...] | None, reference: str, kind: type[R]) -> R | None:
    """The contained resource that `#id` points to, if it is of this type and readable."""
    for raw in entries or ():
        if f"#{raw.get('id')}" == reference and raw.get("resourceType") == kind.__name__:
            try:
                return msgspec.convert(raw, kind)
            except msgspec.ValidationError:
                return None
    return None


def read_resource(raw: JsonObject) -> Resource | None:
    """The struct of a raw resource; `None` for a type that no fact reads.

    Raises `msgspec.ValidationError` when an element that facts need, here or in a contained
    Medication or Specimen, has the wrong JSON type.
    """
    if raw["resourceType"] not in RESOURCE_TYPES:
        return None
    found = msgspec.convert(raw, RESOURCE_TYPES[raw["resourceType"]])
    _read_contained(found)
    return found


def read_or_none(raw: JsonObject) -> Resource | None:
    """The same; None also for what is unreadable."""
    try:
        return read_resource(raw)
    except msgspec.ValidationError:
        return None


def read_alike(kind: str, raws: list[JsonObject]) -> list[Resource | None]:
    """The structs of raw resources of one type; None for what is unreadable, or read by no fact.

    Much faster than one by one, unless one of them is unreadable.
    """
    if kind not in RESOURCE_TYPES:
        return [None] * len(raws)
    try:
        found: list[Resource | None] = msgspec.convert(raws, _LISTS[kind])
        if kind in _CONTAINING:
            for resource in found:
                _read_contained(resource)
    except msgspec.ValidationError:
        return [read_or_none(raw) for raw in raws]
    return found


def _read_contained(found: Resource | None) -> None:
    for inner in getattr(found, "contained", None) or ():
        if inner.get("resourceType") in (Medication.__name__, Specimen.__name__):
            msgspec.convert(inner, RESOURCE_TYPES[inner["resourceType"]])
