"""A test patient's chart in a few lines, for the start page.

Only test patients are shown this way; the service itself never prints text of a record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import fhir_fixtures
from cds_service.sandbox.parameters import elements
from hooks.fhir import JsonObject

_DATES = (
    "onset[x]",
    "effective[x]",
    "performed[x]",
    "collection.collected[x]",
    "authoredOn",
    "recordedDate",
    "issued",
)
_CONCEPTS = ("code", "medicationCodeableConcept", "type", "contained.code")
_STATUSES = ("verificationStatus.coding.code", "clinicalStatus.coding.code", "status")
_UNREMARKABLE = {"confirmed", "active", "final", "completed", "available"}
_QUANTITIES = ("valueQuantity", "collection.quantity", "dosage.dose")


@dataclass(frozen=True, slots=True)
class Line:
    """One resource: its type, what it is, its value or text, its status if remarkable, its day."""

    kind: str
    name: str
    value: str
    status: str
    day: str


def chart_lines(story: str, today: date) -> list[Line]:
    """The resources of a story's chart, the newest first, the undated last."""
    bundle = fhir_fixtures.shift(fhir_fixtures.load(story), today)
    found = [_line(entry["resource"]) for entry in bundle["entry"]]
    return sorted((line for line in found if line.kind != "Patient"), key=_newest, reverse=True)


def order_lines(story: str, today: date) -> list[Line]:
    """The unsigned orders of a story; none where it has none."""
    orders = fhir_fixtures.shift(fhir_fixtures.draft_orders(story) or {"entry": []}, today)
    resources = {entry["resource"]["id"]: entry["resource"] for entry in orders["entry"]}
    return [
        _line(_with_medication(resource, resources))
        for resource in resources.values()
        if resource["resourceType"] != "Medication"
    ]


def _with_medication(order: JsonObject, resources: dict[str, JsonObject]) -> JsonObject:
    """An order that names its drug itself, also where the drug is an entry beside it."""
    reference = order.get("medicationReference", {}).get("reference", "")
    medication = resources.get(reference.removeprefix("Medication/"))
    return {**order, "code": medication["code"]} if medication else order


def _newest(line: Line) -> str:
    return line.day


def _line(resource: JsonObject) -> Line:
    status = next((s for s in _all(resource, _STATUSES) if s not in _UNREMARKABLE), "")
    return Line(
        kind=resource["resourceType"],
        name=next((_named(concept) for concept in _all(resource, _CONCEPTS)), ""),
        value=" · ".join(_values(resource)),
        status=status,
        day=day_of(resource),
    )


def day_of(resource: JsonObject) -> str:
    """The day of a resource as far as its date goes (`2026`, `2026-01`, `2026-01-15`), or ""."""
    return next(filter(None, map(_day, _all(resource, _DATES))), "")


def _all(resource: JsonObject, paths: tuple[str, ...]) -> Iterator[Any]:
    for path in paths:
        yield from elements(resource, path)


def _named(concept: JsonObject) -> str:
    codings = concept.get("coding") or [{}]
    return str(concept.get("text") or codings[0].get("display") or codings[0].get("code") or "")


def _day(value: Any) -> str:
    period = value if isinstance(value, dict) else {}
    text = value if isinstance(value, str) else period.get("end") or period.get("start") or ""
    return str(text)[:10]


def _values(resource: JsonObject) -> Iterator[str]:
    for quantity in _all(resource, _QUANTITIES):
        yield f"{quantity['value']:g} {quantity['unit']}"
    for concept in elements(resource, "valueCodeableConcept"):
        yield _named(concept)
    for path in ("valueInteger", "conclusion", "dosageInstruction.text", "note.text"):
        yield from map(str, elements(resource, path))
