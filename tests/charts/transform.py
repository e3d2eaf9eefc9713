"""Other ways to write the same record: ids, white space, time zones, statuses."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from tests.charts.build import Chart
from tests.charts.vocabulary import VERIFICATION, JsonObject


def without_uuid(value: Any) -> Any:
    """The value without any member called uuid."""
    if isinstance(value, dict):
        return {name: without_uuid(member) for name, member in value.items() if name != "uuid"}
    return [without_uuid(item) for item in value] if isinstance(value, list) else value


def unordered(value: Any) -> Any:
    """The value with its lists and the words of its texts in a fixed order."""
    if isinstance(value, dict):
        return {name: unordered(member) for name, member in value.items()}
    if isinstance(value, list):
        return sorted((unordered(item) for item in value), key=repr)
    return sorted(re.findall(r"\w+", value)) if isinstance(value, str) else value


_REFERENCE = re.compile(r"\b([A-Z][A-Za-z]+)/[A-Za-z0-9.-]+")


def without_ids(value: Any) -> Any:
    """The value with every `Type/id` as `Type` alone."""
    if isinstance(value, dict):
        return {name: without_ids(member) for name, member in value.items()}
    if isinstance(value, list):
        return [without_ids(item) for item in value]
    return _REFERENCE.sub(r"\1", value) if isinstance(value, str) else value


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


REFERENCE_FORMS = {
    "relative": "{name}",
    "versioned": "{name}/_history/7",
    "absolute": "{server}/{name}",
    "absolute and versioned": "{server}/{name}/_history/2",
}
"""How one literal reference can be written."""


def referring(one: Chart, form: str, server: str) -> Chart:
    """The chart with all literal references, of its orders too, written in one form."""
    orders = _referring(one.draft_orders, form, server)
    return replace(one, resources=_referring(one.resources, form, server), draft_orders=orders)


def _referring(value: Any, form: str, server: str) -> Any:
    if isinstance(value, list):
        return [_referring(item, form, server) for item in value]
    if not isinstance(value, dict):
        return value
    result = {name: _referring(member, form, server) for name, member in value.items()}
    found = _REFERENCE.match(str(result.get("reference")))
    if found:
        result["reference"] = REFERENCE_FORMS[form].format(name=found.group(), server=server)
    return result


_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(T.*)?")


def later_by(one: Chart, weeks: int) -> Chart:
    """The chart and its clock this many whole weeks later."""
    moved = _later(one.resources, weeks)
    now = one.now + timedelta(weeks=weeks)
    return replace(one, resources=moved, draft_orders=_later(one.draft_orders, weeks), now=now)


def _later(value: Any, weeks: int) -> Any:
    """Every date of the value moved; times of day stay."""
    if isinstance(value, dict):
        return {name: _later(member, weeks) for name, member in value.items()}
    if isinstance(value, list):
        return [_later(item, weeks) for item in value]
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return value
    return f"{date.fromisoformat(found[1]) + timedelta(weeks=weeks)}{found[2] or ''}"


def in_error(resource: JsonObject) -> JsonObject:
    """The resource as entered in error."""
    if resource["resourceType"] in ("Condition", "AllergyIntolerance"):
        coding = {"system": VERIFICATION, "code": "entered-in-error"}
        return resource | {"verificationStatus": {"coding": [coding]}}
    return resource | {"status": "entered-in-error"}
