"""The dosage of an order: route, access, dose, time, order text."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.charts.vocabulary import NCIT, ROUTE_V2, ROUTE_V3, SNOMED, UCUM, JsonObject
from tests.charts.writer import Writer

_ROUTES: dict[str, tuple[tuple[str, str], ...]] = {
    "IT": (
        (SNOMED, "72607000"),
        (ROUTE_V3, "ITINJ"),
        (ROUTE_V2, "IT"),
        (NCIT, "C38267"),
        (ROUTE_V3, "IT"),
    ),
    "intraventricular": ((SNOMED, "420719007"),),
    "ambiguous": (
        (SNOMED, "420287000"),
        (ROUTE_V3, "IVENTINJ"),
        (NCIT, "C38277"),
        (ROUTE_V2, "ICV"),
    ),
    "IV": ((SNOMED, "47625008"), (ROUTE_V3, "IV"), (ROUTE_V2, "IV"), (NCIT, "C38276")),
    "oral": ((SNOMED, "26643006"), (ROUTE_V3, "PO")),
    "SC": ((SNOMED, "34206005"), (ROUTE_V3, "SQ")),
    "IM": ((SNOMED, "78421000"), (ROUTE_V3, "IM")),
    "epidural": ((ROUTE_V3, "EPI"), (NCIT, "C38210")),
}
_ROUTE_WORDS = {
    "IT": ("intrathecal", "IT", "Intrathecally"),
    "intraventricular": ("intraventricular", "via Ommaya reservoir"),
    "IV": ("intravenous", "IV"),
    "oral": ("oral", "by mouth", "PO"),
    "SC": ("subcutaneous", "SC"),
    "IM": ("intramuscular",),
    "epidural": ("epidural",),
}
_UNITS = {
    "mg": ("mg", "milligram"),
    "g": ("g", "gram"),
    "ug": ("ug", "microgram"),
    "mg/m2": ("mg/m2", "mg/m2"),
}


def route(writer: Writer, name: str | None) -> JsonObject | None:
    """The route concept; None for an order without a route."""
    if name is None:
        return None
    if writer.notation() == "text" and name in _ROUTE_WORDS:
        return {"text": writer.pick(_ROUTE_WORDS[name])}
    system, code = writer.pick(_ROUTES[name])
    return {"coding": [{"system": system, "code": code}]}


def dosage(writer: Writer, order: dict[str, Any]) -> JsonObject:
    """One dosageInstruction."""
    access = order.get("access")
    coded_access = access == "ommaya" and order.get("route") == "IT" and writer.style == "snomed"
    elements: JsonObject = {
        "route": route(writer, "intraventricular" if coded_access else order.get("route")),
        "text": _text(order),
        "site": None if coded_access else _site(writer, access),
        "timing": _timing(writer, order),
        "doseAndRate": _dose(writer, order),
    }
    return {name: value for name, value in elements.items() if value is not None}


def _site(writer: Writer, access: str | None) -> JsonObject | None:
    """How the CSF space is reached."""
    if access is None:
        return None
    if access == "ommaya" and writer.notation() == "snomed":
        return {"coding": [{"system": SNOMED, "code": "118425005"}]}
    return {"text": {"ommaya": "Ommaya reservoir", "lumbar": "lumbar"}[access]}


def _text(order: dict[str, Any]) -> str | None:
    """Order text: the words of the case and the final volume."""
    dose, volume = order.get("dose"), order.get("volume_ml")
    parts = [order["text"]] if order.get("text") else []
    if volume is not None:
        parts.append(
            f"{dose:g} mg in {volume:g} mL." if dose is not None else f"Total volume {volume:g} mL."
        )
    return " ".join(parts) or None


def _timing(writer: Writer, order: dict[str, Any]) -> JsonObject | None:
    """Planned time (event or start of the period) and frequency."""
    timing: JsonObject = {}
    if order.get("planned_h") is not None:
        moment = (
            (writer.now + timedelta(hours=order["planned_h"])).isoformat().replace("+00:00", "Z")
        )
        timing = writer.pick(({"event": [moment]}, {"repeat": {"boundsPeriod": {"start": moment}}}))
    if order.get("frequency") == "daily":
        daily = {"frequency": 1, "period": 1, "periodUnit": "d"}
        timing["repeat"] = timing.get("repeat", {}) | daily
    elif order.get("frequency") == "weekly":
        timing["repeat"] = timing.get("repeat", {}) | {
            "frequency": 1,
            "period": 1,
            "periodUnit": "wk",
        }
    return timing or None


def _dose(writer: Writer, order: dict[str, Any]) -> list[JsonObject] | None:
    """The ordered dose; a dose without unit has none at all."""
    dose, unit = order.get("dose"), order.get("unit")
    if dose is None:
        return None
    quantity: JsonObject = {"value": dose}
    if unit is not None:
        code, word = _UNITS.get(unit, (unit, unit))
        coded = {"unit": code, "system": UCUM, "code": code}
        quantity |= writer.pick((coded, coded, {"unit": word}))
    ordered = {
        "coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/dose-rate-type", "code": "ordered"}
        ]
    }
    kind = {"type": ordered} if writer.style in ("mixed", "icd") else {}
    return [kind | {"doseQuantity": quantity}]
