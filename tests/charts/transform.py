"""Other ways to write the same record: ids, white space, time zones, statuses."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.charts.build import Chart
from tests.charts.vocabulary import VERIFICATION, JsonObject


def without_uuid(value: Any) -> Any:
    """The value without any member called uuid."""
    if isinstance(value, dict):
        return {name: without_uuid(member) for name, member in value.items() if name != "uuid"}
    return [without_uuid(item) for item in value] if isinstance(value, list) else value


def renamed(one: Chart, seed: int) -> Chart:
    """The chart with other resource ids, and references that follow."""
    source = random.Random(seed)
    names = {
        r["id"]: f"{source.getrandbits(64):016x}"
        for r in one.resources
        if r["resourceType"] != "Patient"
    }
    return replace(one, resources=[_rename(r, names) for r in one.resources])


def _rename(value: Any, names: dict[str, str]) -> Any:
    """The value with renamed ids and references."""
    if isinstance(value, list):
        return [_rename(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    result = {name: _rename(member, names) for name, member in value.items()}
    if "resourceType" in result and result.get("id") in names:
        result["id"] = names[result["id"]]
    if isinstance(result.get("reference"), str):
        kind, _, name = result["reference"].partition("/")
        result["reference"] = f"{kind}/{names.get(name, name)}"
    return result


def spaced(value: Any) -> Any:
    """The value with doubled white space in every free text."""
    if isinstance(value, dict):
        texts = ("text", "conclusion", "valueString", "display", "description", "name")
        return {
            name: member.replace(" ", "  \t").replace("\n", " \n ")
            if name in texts and isinstance(member, str)
            else spaced(member)
            for name, member in value.items()
        }
    return [spaced(item) for item in value] if isinstance(value, list) else value


def in_zone(value: Any, minutes: int) -> Any:
    """Every UTC time in a zone that lies this many minutes ahead."""
    if isinstance(value, dict):
        return {name: in_zone(member, minutes) for name, member in value.items()}
    if isinstance(value, list):
        return [in_zone(item, minutes) for item in value]
    if isinstance(value, str) and value.endswith("Z") and value[:2] == "20" and "T" in value:
        offset = timedelta(minutes=minutes)
        moved = (datetime.fromisoformat(value) + offset).replace(tzinfo=None)
        return f"{moved.isoformat()}+{minutes // 60:02d}:{minutes % 60:02d}"
    return value


def in_error(resource: JsonObject) -> JsonObject:
    """The resource as entered in error."""
    if resource["resourceType"] in ("Condition", "AllergyIntolerance"):
        coding = {"system": VERIFICATION, "code": "entered-in-error"}
        return resource | {"verificationStatus": {"coding": [coding]}}
    return resource | {"status": "entered-in-error"}
