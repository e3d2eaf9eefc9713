"""Conditions: one way to write any problem of the record, and the simple yes/no facts."""

from __future__ import annotations

from typing import Any

from tests.charts.vocabulary import CLINICAL, VERIFICATION, JsonObject
from tests.charts.writer import Writer

YES_NO_CONDITIONS = {
    "third_space": "third_space",
    "leukoencephalopathy": "leukoencephalopathy",
    "focal_symptomatic_lesion": "focal_symptomatic_lesion",
}
"""Fact name to concept, for facts that are one active Condition."""


def _status(system: str, code: str | None) -> JsonObject | None:
    """The CodeableConcept of a Condition status."""
    return {"coding": [{"system": system, "code": code}]} if code else None


def condition(
    writer: Writer,
    code: JsonObject,
    *,
    clinical: str | None = "active",
    verification: str | None = "confirmed",
    **elements: Any,
) -> JsonObject:
    """Add a Condition; in mixed style an active confirmed one may leave its statuses out."""
    plain = (clinical, verification) == ("active", "confirmed")
    silent = plain and writer.style == "mixed" and writer.pick((True, False))
    statuses: JsonObject = {
        "clinicalStatus": _status(CLINICAL, None if silent else clinical),
        "verificationStatus": _status(VERIFICATION, None if silent else verification),
    }
    return writer.add("Condition", code=code, **statuses, **elements)


def yes_no(writer: Writer, fact: str, value: object) -> None:
    """One active Condition where the fact is true; nothing otherwise (false = unknown)."""
    if value:
        concept = writer.concept("condition", YES_NO_CONDITIONS[fact])
        condition(writer, concept, recordedDate=writer.day(4))


def infection(writer: Writer, value: object) -> None:
    """A CNS or device infection; `suspected` or every other time as a doubtful Condition."""
    if value:
        verification = "confirmed" if value == "confirmed" else writer.pick(("provisional", None))
        code = writer.concept("condition", "infection")
        condition(writer, code, verification=verification, recordedDate=writer.day(1))


def hospice(writer: Writer, value: object) -> None:
    """Hospice care as Condition, active request or Procedure in progress."""
    if not value:
        return
    code = writer.concept("condition", "hospice")
    carrier = writer.pick(("Condition", "ServiceRequest", "Procedure"))
    if carrier == "Condition":
        condition(writer, code)
    elif carrier == "ServiceRequest":
        writer.add(carrier, status="active", intent="order", code=code)
    else:
        writer.add(carrier, status="in-progress", code=code)


def nonmalignant_indication(writer: Writer, value: object) -> None:
    """An active Condition such as rheumatoid arthritis."""
    if value:
        condition(writer, writer.concept("condition", "nonmalignant_indication"))


def hydrocephalus(writer: Writer, value: str | None) -> None:
    """`symptomatic`, `asymptomatic` or `unstated` as Condition; `none` and null write nothing."""
    if value in (None, "none"):
        return
    words = {
        "symptomatic": "Symptomatic hydrocephalus",
        "asymptomatic": "Compensated hydrocephalus",
    }
    code = writer.concept("condition", "hydrocephalus")
    in_note = value in words and "coding" in code and "text" not in code
    notes = [{"text": f"Patient is {value}."}] if in_note else None
    if value in words and notes is None:
        code = code | {"text": words[value]}
    condition(writer, code, note=notes, recordedDate=writer.day(30))
