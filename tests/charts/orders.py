"""Draft orders and what is already ordered or given on the server."""

from __future__ import annotations

from typing import Any

from tests.charts.conditions import condition
from tests.charts.dosage import dosage, route
from tests.charts.vocabulary import NDC, JsonObject, concept, has_concept, phrases
from tests.charts.writer import Writer

ORDER_KEYS = {"drug", "brand", "route", "access", "dose", "unit", "form", "form_shown", "volume_ml"}
ORDER_KEYS |= {"text", "frequency", "planned_h", "reason", "note", "subject", "status", "dose_form"}
_NDC = {"PF": ("16729-277-30", "0143-9519-10"), "preserved": ("61703-350-38",)}


def draft_bundle(writer: Writer, orders: list[dict[str, Any]]) -> JsonObject:
    """`context.draftOrders`: a Bundle with one MedicationRequest per order."""
    entries = [draft(writer, order, number) for number, order in enumerate(orders, 1)]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": e} for e in entries],
    }


def draft(writer: Writer, order: dict[str, Any], number: int) -> JsonObject:
    """One draft order in FHIR R4."""
    unknown = set(order) - ORDER_KEYS
    if unknown:
        raise KeyError(f"unknown keys of an order: {sorted(unknown)}")
    resource: JsonObject = {"resourceType": "MedicationRequest", "id": f"draft-{number}"}
    resource["identifier"] = [order_identifier(number)]
    resource |= {"status": order.get("status", "draft"), "intent": "order", **_about(writer, order)}
    resource |= _medication(writer, order)
    resource["dosageInstruction"] = [dosage(writer, order)]
    if order.get("reason"):
        resource["reasonCode"] = [{"text": order["reason"]}]
    if order.get("note"):
        resource["note"] = [{"text": order["note"]}]
    return resource


def order_identifier(number: int) -> JsonObject:
    """The business identifier of a draft order."""
    return {"system": "urn:example:orders", "value": f"order-{number}"}


def _about(writer: Writer, order: dict[str, Any]) -> JsonObject:
    """The subject of the order: the patient, somebody else, or nobody."""
    owner = order.get("subject", "patient")
    if owner == "none":
        return {}
    return {
        "subject": writer.subject()
        if owner == "patient"
        else {"reference": "Patient/somebody-else"}
    }


def _medication(writer: Writer, order: dict[str, Any]) -> JsonObject:
    """The product: brand, text or code, with the preservative where the case shows it."""
    if order.get("brand"):
        return {"medicationCodeableConcept": {"text": order["brand"]}}
    form, product = order.get("form"), drug_code(writer, _product(order))
    if order.get("form_shown") == "ingredient":
        return _with_ingredient(product)
    if form is None:
        return {"medicationCodeableConcept": product}
    if order["drug"] != "methotrexate":
        raise KeyError("form is only written for methotrexate")
    if writer.notation() != "text" and writer.pick((True, False)):
        coding = {"coding": [{"system": NDC, "code": writer.pick(_NDC[form])}]}
        return {"medicationCodeableConcept": coding}
    return {"medicationCodeableConcept": product | {"text": writer.pick(phrases("form", form))}}


def _product(order: dict[str, Any]) -> str:
    """The drug concept of an order, with its dose form."""
    return f"{order['drug']}_{order['dose_form']}" if order.get("dose_form") else str(order["drug"])


def _with_ingredient(product: JsonObject) -> JsonObject:
    """A contained Medication that lists benzyl alcohol as an ingredient."""
    named = {"itemCodeableConcept": {"text": "Benzyl alcohol"}}
    medication = {"resourceType": "Medication", "id": "med", "code": product, "ingredient": [named]}
    return {"contained": [medication], "medicationReference": {"reference": "#med"}}


def drug_code(writer: Writer, name: str) -> JsonObject:
    """A drug of the table, or a drug that the table does not know by its name."""
    return writer.concept("drug", name) if has_concept("drug", name) else {"text": name}


def given(
    writer: Writer, drug: str, route_name: str | None, mg: float | None, **dated: Any
) -> None:
    """A completed MedicationAdministration."""
    amount: JsonObject = (
        {"dose": {"value": mg, "unit": "mg", "code": "mg"}} if mg is not None else {}
    )
    way = {"route": route(writer, route_name)} if route_name else {}
    writer.add(
        "MedicationAdministration",
        status=writer.pick(("completed", "completed", "in-progress")),
        medicationCodeableConcept=drug_code(writer, drug),
        dosage=way | amount or None,
        **dated,
    )


def ordered(
    writer: Writer, drug: str, order: dict[str, Any] | None = None, **elements: Any
) -> JsonObject:
    """An active MedicationRequest on the server."""
    instruction = [dosage(writer, order)] if order else None
    standard = {"status": "active", "intent": "order", "authoredOn": writer.day(3)}
    return writer.add(
        "MedicationRequest",
        **standard | elements,
        dosageInstruction=instruction,
        medicationCodeableConcept=drug_code(writer, drug),
    )


def allergy(writer: Writer, value: object) -> None:
    """Methotrexate allergy: true/`severe`, `unstated`, or `mild`/`low`."""
    if not value:
        return
    severe: tuple[JsonObject, ...] = (
        {"criticality": "high"},
        {"reaction": [{"manifestation": [{"text": "Anaphylaxis"}]}]},
        {"reaction": [{"manifestation": [{"text": "Rash"}], "severity": "severe"}]},
    )
    said: dict[object, JsonObject] = {
        "unstated": writer.pick(({}, {"criticality": "unable-to-assess"})),
        "mild": {"reaction": [{"manifestation": [{"text": "Nausea"}], "severity": "mild"}]},
        "low": {"criticality": "low"},
    }
    code = writer.coded("http://www.nlm.nih.gov/research/umls/rxnorm", "6851")
    named = {"text": "Methotrexate"} if writer.notation() == "text" else code
    writer.add(
        "AllergyIntolerance", owner="patient", code=named, **said.get(value, writer.pick(severe))
    )


def interactions(writer: Writer, classes: list[str]) -> None:
    """Active orders of interacting drugs, by class."""
    for name in classes:
        concept("drug", name)
        ordered(writer, name)


def dialysis(writer: Writer, value: object) -> None:
    """Dependence on dialysis on the problem list."""
    if value:
        condition(writer, writer.concept("condition", "dialysis"))
