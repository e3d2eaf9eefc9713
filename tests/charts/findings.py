"""Symptoms and signs as Conditions or examination Observations."""

from __future__ import annotations

from typing import Any

from tests.charts.conditions import condition
from tests.charts.vocabulary import CATEGORY, JsonObject
from tests.charts.writer import Writer

KEYS = {
    "code",
    "days",
    "resolved",
    "refuted",
    "doubtful",
    "chronic_before_cancer",
    "explained_cipn",
    "negated",
    "absent_days",
    "status",
}
EXAM = [{"coding": [{"system": CATEGORY, "code": "exam"}]}]
CHRONIC_DAYS = 1500
"""A finding that is chronic before cancer began this many days ago."""


def symptoms(writer: Writer, entries: list[dict[str, Any]]) -> None:
    """All findings. Modifiers: see `KEYS`; `days: null` leaves the date out."""
    for entry in entries:
        unknown = set(entry) - KEYS
        if unknown:
            raise KeyError(f"unknown keys of a symptom: {sorted(unknown)}")
        _finding(writer, entry)
        if entry.get("absent_days") is not None:
            _observed(writer, entry["code"], entry["absent_days"], present=False)


def _finding(writer: Writer, entry: dict[str, Any]) -> None:
    """One finding; only a plain one may be an Observation instead of a Condition."""
    plain = (
        set(entry) <= {"code", "days", "absent_days", "negated"} and entry.get("days") is not None
    )
    if entry.get("negated"):
        _observed(writer, entry["code"], entry["days"], present=False)
    elif plain and writer.style == "mixed" and writer.pick((True, False)):
        _observed(writer, entry["code"], entry["days"], present=True)
    else:
        _problem(writer, entry)


def _problem(writer: Writer, entry: dict[str, Any]) -> None:
    """A finding on the problem list."""
    code = writer.concept("symptom", entry["code"])
    note = [{"text": "chemotherapy-induced"}] if entry.get("explained_cipn") == "note" else None
    clinical = "resolved" if entry.get("resolved") else entry.get("status", "active")
    condition(
        writer,
        code,
        clinical=clinical,
        verification=_verification(entry),
        note=note,
        **_dates(writer, entry),
    )
    if entry.get("explained_cipn") == "condition":
        condition(writer, writer.concept("condition", "chemotherapy_neuropathy"))


def _verification(entry: dict[str, Any]) -> str:
    """The verification status that an entry asks for."""
    if entry.get("refuted"):
        return "refuted"
    return "provisional" if entry.get("doubtful") else "confirmed"


def _dates(writer: Writer, entry: dict[str, Any]) -> JsonObject:
    """Onset or recorded date, so that the most recent of the two lies `days` ago."""
    if entry.get("days") is None:
        return {}
    days = entry["days"]
    if entry.get("chronic_before_cancer"):
        return {"onsetDateTime": writer.day(CHRONIC_DAYS), "recordedDate": writer.day(days)}
    onset, recorded = {"onsetDateTime": writer.day(days)}, {"recordedDate": writer.day(days)}
    later = {"onsetDateTime": writer.day(days + 3), "recordedDate": writer.day(days)}
    return writer.pick((onset, recorded, later))


def _observed(writer: Writer, code: str, days: float, *, present: bool) -> None:
    """A finding of an examination, stated as present or as absent."""
    values: tuple[JsonObject, ...] = (
        {"valueBoolean": present},
        {"valueString": "present" if present else "absent"},
        {"valueCodeableConcept": {"text": "yes" if present else "no"}},
    )
    dated = {"effectiveDateTime": writer.moment(days)}
    concept = writer.concept("symptom", code)
    value = writer.pick(values)
    writer.add("Observation", status="final", category=EXAM, code=concept, **dated, **value)
