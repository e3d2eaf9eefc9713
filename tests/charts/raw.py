"""Resources that a case writes out itself, with dates relative to the call.

In any string value, `@5` is the date five days ago (`@-1` = tomorrow), `@5T08:00` a UTC time on
that day and `@h-3` the exact time three hours ago. The subject is added where it is missing.
"""

from __future__ import annotations

import re
from typing import Any

from tests.charts.vocabulary import JsonObject
from tests.charts.writer import Writer

_DAY = re.compile(r"@(-?\d+)(?:T(\d\d:\d\d))?")
_HOUR = re.compile(r"@h(-?\d+(?:\.\d+)?)")
_OWNER = {"Device": "patient", "AllergyIntolerance": "patient"}
_NO_OWNER = ("Patient", "Medication")


def resources(writer: Writer, listed: list[JsonObject]) -> None:
    """Append the resources of a case."""
    for number, resource in enumerate(listed, 1):
        writer.resources.append({"id": f"raw-{number}"} | dated(writer, resource))


def dated(writer: Writer, resource: JsonObject) -> JsonObject:
    """A resource with real dates and a subject."""
    kind = resource["resourceType"]
    owner = _OWNER.get(kind, "subject")
    about = {} if kind in _NO_OWNER or owner in resource else {owner: writer.subject()}
    return dict(_filled(writer, about | resource))


def _filled(writer: Writer, value: Any) -> Any:
    """The value with every relative date replaced."""
    if isinstance(value, dict):
        return {name: _filled(writer, member) for name, member in value.items()}
    if isinstance(value, list):
        return [_filled(writer, item) for item in value]
    return _moment(writer, value) if isinstance(value, str) else value


def _moment(writer: Writer, text: str) -> str:
    """A relative date or time as FHIR writes it; any other text as it is."""
    day, hour = _DAY.fullmatch(text), _HOUR.fullmatch(text)
    if hour:
        return writer.hours(float(hour[1]))
    if not day:
        return text
    return writer.moment(float(day[1]), f"{day[2]}:00") if day[2] else writer.day(float(day[1]))


def draft_bundle(writer: Writer, listed: list[Any]) -> JsonObject:
    """`context.draftOrders` of orders that a case writes out itself; odd entries stay odd."""
    whole = [isinstance(each, dict) and "resourceType" in each for each in listed]
    filled = [
        {"id": f"draft-{number}"} | dated(writer, each) if sound else each
        for number, (each, sound) in enumerate(zip(listed, whole, strict=True), 1)
    ]
    entries = [{"resource": each} for each in filled]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}
