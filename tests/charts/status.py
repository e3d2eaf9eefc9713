"""Laboratory values, performance status, prognosis, scorecards, work-up requests."""

from __future__ import annotations

from typing import Any

from tests.charts.vocabulary import CATEGORY, LOINC, SNOMED, UCUM, JsonObject
from tests.charts.writer import Writer

_LAB_CODES = {
    "plt": ("777-3", "26515-7"),
    "inr": ("6301-6", "34714-6"),
    "egfr": ("98979-8", "62238-1"),
}
_PLATELET_UNITS: tuple[tuple[str, float], ...] = (
    ("10*3/uL", 1),
    ("10*9/L", 1),
    ("K/uL", 1),
    ("/uL", 1000),
)
_KPS_ANSWERS = {50: "LA29180-9", 60: "LA29179-1", 70: "LA29178-3", 80: "LA29177-5", 90: "LA29176-7"}
_ECOG_ANSWERS = {0: "LA9622-7", 1: "LA9623-5", 2: "LA9624-3", 3: "LA9625-0", 4: "LA9626-8"}
_SCORES = {
    "kps": ("89243-0", "Karnofsky performance status", _KPS_ANSWERS),
    "ecog": ("89247-1", "ECOG performance status", _ECOG_ANSWERS),
}


def category(code: str) -> list[JsonObject]:
    """An Observation category."""
    return [{"coding": [{"system": CATEGORY, "code": code}]}]


def labs(writer: Writer, values: dict[str, Any]) -> None:
    """`plt`, `inr`, `egfr` as [value, days] or [value, days, unit]; null writes nothing."""
    unknown = set(values) - set(_LAB_CODES)
    if unknown:
        raise KeyError(f"unknown laboratory values: {sorted(unknown)}")
    for name, entry in values.items():
        if entry is not None:
            _lab(writer, name, *entry)


def _lab(writer: Writer, name: str, value: float, days: float, unit: str | None = None) -> None:
    """One laboratory Observation in one of the units in use."""
    quantity = (
        _quantity(writer, name, value)
        if unit is None
        else {"value": value, "unit": unit, "code": unit}
    )
    code = writer.coded(LOINC, writer.pick(_LAB_CODES[name]))
    dated = {"effectiveDateTime": writer.moment(days, "06:15:00")}
    writer.add(
        "Observation",
        status=writer.pick(("final", "amended", "corrected")),
        category=category("laboratory"),
        code=code,
        valueQuantity=quantity,
        **dated,
    )


def _quantity(writer: Writer, name: str, value: float) -> JsonObject:
    """The quantity of a laboratory value."""
    if name == "plt":
        unit, factor = writer.pick(_PLATELET_UNITS)
        return {"value": value * factor, "unit": unit, "system": UCUM, "code": unit}
    if name == "inr":
        return {"value": value} | writer.pick(
            ({}, {"unit": "{INR}", "code": "{INR}"}, {"code": "1"})
        )
    return {"value": value, "unit": "mL/min/1.73m2", "code": "mL/min/{1.73_m2}"}


def score(writer: Writer, name: str, value: Any) -> None:
    """KPS or ECOG as a number of today or [value, days]."""
    if value is None:
        return
    points, days = value if isinstance(value, list) else (value, 0)
    code, title, answers = _SCORES[name]
    coded = writer.coded(LOINC, code)
    given: JsonObject = {"valueInteger": points}
    if writer.notation() == "snomed" and points in answers:
        given = {"valueCodeableConcept": {"coding": [{"system": LOINC, "code": answers[points]}]}}
    elif writer.notation() == "text":
        coded, given = writer.words(title), {"valueString": f"{title.split()[0]} {points}"}
    writer.add(
        "Observation",
        status="final",
        category=category("survey"),
        code=coded,
        effectiveDateTime=writer.day(days),
        **given,
    )


def life_expectancy(writer: Writer, value: Any) -> None:
    """Life expectancy in days, as a number of today or [value, days]."""
    if value is None:
        return
    expected, days = value if isinstance(value, list) else (value, 0)
    given: JsonObject = {"valueQuantity": {"value": expected, "unit": "d", "code": "d"}}
    if expected == 29 and writer.pick((True, False)):
        given = {"valueString": writer.pick(("less than 1 month", "days to weeks"))}
    title = writer.pick(("Life expectancy", "Estimated survival", "Prognosis"))
    writer.add(
        "Observation",
        status="final",
        category=category("survey"),
        code={"text": title},
        effectiveDateTime=writer.day(days),
        **given,
    )


def scorecard(writer: Writer, days: float | None) -> None:
    """A standard neurological scorecard this many days ago."""
    if days is not None:
        title = writer.pick(("NANO scale", "RANO-LM neurological assessment", "LM scorecard"))
        writer.add(
            "Observation",
            status="final",
            category=category("survey"),
            code={"text": title},
            valueInteger=2,
            effectiveDateTime=writer.day(days),
        )


_REQUESTS = {
    "lp": (SNOMED, "277762005", "Lumbar puncture with CSF cytology"),
    "mri_brain": (LOINC, "24587-8", "MRI brain with contrast"),
    "mri_spine": (LOINC, "30855-1", "MRI whole spine with contrast"),
    "mri_lumbar_spine": (LOINC, "24967-2", "MRI lumbar spine"),
}


def requests(writer: Writer, entries: list[Any]) -> None:
    """Work-up requests: a name, or {code, days, status, intent}; `mri_neuraxis` = both MRIs."""
    for entry in entries:
        given = entry if isinstance(entry, dict) else {"code": entry}
        if given["code"] != "mri_neuraxis":
            _request(writer, given["code"], given)
        elif writer.notation() == "text":
            _ask(writer, writer.words("MRI neuraxis with and without contrast"), given)
        else:
            _request(writer, "mri_brain", given)
            _request(writer, "mri_spine", given)


def _request(writer: Writer, name: str, given: dict[str, Any]) -> None:
    """One request, by code or in words."""
    system, code, text = _REQUESTS[name]
    _ask(
        writer,
        writer.words(text) if writer.notation() == "text" else writer.coded(system, code),
        given,
    )


def _ask(writer: Writer, code: JsonObject, given: dict[str, Any]) -> None:
    """The ServiceRequest; `days: null` leaves the date out."""
    unknown = set(given) - {"code", "days", "status", "intent", "doNotPerform"}
    if unknown:
        raise KeyError(f"unknown keys of a request: {sorted(unknown)}")
    days = given.get("days", 2)
    dated = {"authoredOn": writer.day(days)} if days is not None else {}
    extra: JsonObject = {"doNotPerform": True} if given.get("doNotPerform") else {}
    writer.add(
        "ServiceRequest",
        status=given.get("status", "active"),
        intent=given.get("intent", "order"),
        code=code,
        **dated,
        **extra,
    )
