"""Suggestions of a card: drafts from the suggestion file, and changes of the draft order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from hooks.answer import Fill, Finding
from hooks.engine.recommendation import Recommendation, Variant
from hooks.engine.wording import fill
from hooks.fhir import JsonObject
from hooks.readings.concepts import well_formed
from hooks.readings.numbers import shown
from hooks.record import DraftOrder, PatientRecord
from hooks.values import yaml_file
from hooks.values.parameters import dose, dose_band


@dataclass(frozen=True, slots=True)
class Context:
    """What suggestions are made for: the patient, the draft orders, and their ages."""

    record: PatientRecord
    drafts: Mapping[str, DraftOrder]
    ages: Mapping[str, int | None]


def names_for(recommendation: Recommendation, variant: Variant, finding: Finding) -> list[str]:
    """The suggestions of a finding: those of its wording that fit what is missing."""
    verdict = finding.verdict
    offered = variant.suggestions
    stale = {"laboratory-first", "laboratory-unread"} & set(verdict.remarks)
    if variant.stale_suggestions and stale:
        offered = variant.stale_suggestions
    by_unknown = recommendation.suggestions_by_unknown
    if by_unknown:
        fitting = {name for unknown in verdict.unknowns for name in by_unknown.get(unknown, ())}
        offered = tuple(name for name in offered if name in fitting)
    return [name for name in offered if name not in verdict.withheld]


def build(name: str, finding: Finding, context: Context) -> Iterator[JsonObject]:
    """The suggestions of one name, without uuids; none where the order does not allow it."""
    change = _CHANGES.get(name)
    if change is None:
        yield _create(name, context.record.patient_id, finding.verdict.fills)
        return
    draft = context.drafts.get(finding.order or "")
    if draft is not None and well_formed(draft.raw.get("id")):
        yield from change(draft, context)


def _suggestion(label: str, description: str, action: JsonObject) -> JsonObject:
    return {"label": label, "actions": [{"description": description, **action}]}


def _create(name: str, patient_id: str, fills: Mapping[str, Fill]) -> JsonObject:
    entry = yaml_file("suggestions.yaml")["suggestions"][name]
    resource = dict(entry["resource"])
    if "note" in resource:
        notes = resource["note"]
        resource["note"] = [{**note, "text": fill(note["text"], fills)} for note in notes]
    if resource["resourceType"] == "ServiceRequest":
        resource = {**resource, "status": "draft", "intent": "proposal"}
    resource["subject"] = {"reference": f"Patient/{patient_id}"}
    action = {"type": "create", "resource": resource}
    return _suggestion(entry["label"], entry["description"], action)


def _delete(draft: DraftOrder, _: Context) -> Iterator[JsonObject]:
    resource_id = f"{draft.raw['resourceType']}/{draft.raw['id']}"
    label = f"Delete draft order {resource_id}"
    yield _suggestion(label, label, {"type": "delete", "resourceId": resource_id})


def _update(draft: DraftOrder, label: str, changed: JsonObject) -> JsonObject:
    """The draft order with some members changed; what is unchanged is not copied."""
    resource = {**draft.raw, **changed}
    resource.setdefault("status", "draft")
    resource.setdefault("intent", "proposal")
    return _suggestion(f"{label} ({draft.label})", label, {"type": "update", "resource": resource})


def _only_dosage(resource: JsonObject) -> JsonObject | None:
    """A copy of the dosage instruction to change; None unless there is exactly one."""
    match resource.get("dosageInstruction"):
        case [dict() as only]:
            return {**only}
        case _:
            return None


def suggested_dose(age: int) -> float:
    """The intrathecal methotrexate dose in mg to suggest for an age in completed years."""
    return dose_band(age).dose or dose("adult_suggested")


def _update_dose(draft: DraftOrder, context: Context) -> Iterator[JsonObject]:
    dosage, age = _only_dosage(draft.raw), context.ages.get(draft.label)
    if dosage is None or age is None:
        return
    amount = suggested_dose(age)
    quantity = {"value": amount, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
    dosage["doseAndRate"] = [{"doseQuantity": quantity}]
    dosage.pop("text", None)
    label = f"Change the dose to {shown(amount)} mg; check volume and text"
    yield _update(draft, label, {"dosageInstruction": [dosage]})


def _update_route(draft: DraftOrder, _: Context) -> Iterator[JsonObject]:
    for name, coding in yaml_file("suggestions.yaml")["order_routes"].items():
        dosage = _only_dosage(draft.raw)
        if dosage is not None:
            dosage["route"] = {"coding": [coding]}
            yield _update(draft, f"Code the route as {name}", {"dosageInstruction": [dosage]})


def _update_note(draft: DraftOrder, _: Context) -> Iterator[JsonObject]:
    notes = draft.raw.get("note")
    text = yaml_file("suggestions.yaml")["order_note"]
    changed = [*(notes if isinstance(notes, list) else []), {"text": text}]
    yield _update(draft, "Add a note on volume and diluent", {"note": changed})


_CHANGES: dict[str, Callable[[DraftOrder, Context], Iterator[JsonObject]]] = {
    "delete-order": _delete,
    "update-dose": _update_dose,
    "update-route": _update_route,
    "update-note": _update_note,
}
