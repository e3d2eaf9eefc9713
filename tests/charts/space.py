"""CSF space and radiotherapy: shunt and valve, CSF flow study, courses of radiotherapy."""

from __future__ import annotations

from typing import Any

from tests.charts.conditions import condition
from tests.charts.findings import EXAM
from tests.charts.status import category
from tests.charts.vocabulary import LOINC, SNOMED, JsonObject, phrases
from tests.charts.writer import Writer

SHUNT_VALUES = ("on_off", "programmable_plan", "programmable", "valve_unknown", "no_valve")


def shunt(writer: Writer, value: str | None) -> None:
    """A shunt with its valve, an explicit `none`, or nothing."""
    if value is None:
        return
    if value == "none":
        _no_shunt(writer)
    elif value in SHUNT_VALUES:
        _shunt(writer, writer.pick(phrases("valve", value)))
    else:
        raise KeyError(f"unknown shunt value: {value}")


def _shunt(writer: Writer, text: str) -> None:
    """The shunt as Device, Procedure, Condition or examination Observation."""
    note, old = [{"text": text}], writer.day(200)
    carrier = writer.pick(("device", "procedure", "condition", "observation"))
    if carrier == "device":
        kind = (
            writer.coded(SNOMED, "258593008") if writer.notation() == "snomed" else {"text": text}
        )
        writer.add(
            "Device",
            owner="patient",
            status="active",
            type=kind,
            deviceName=[{"name": text, "type": "user-friendly-name"}],
        )
    elif carrier == "procedure":
        code = writer.coded(SNOMED, "47020004")
        writer.add("Procedure", status="completed", code=code, note=note, performedDateTime=old)
    elif carrier == "condition":
        code = writer.concept("condition", "shunt_present")
        condition(writer, code, note=note, recordedDate=old)
    else:
        writer.add(
            "Observation",
            status="final",
            category=EXAM,
            code={"text": "VP shunt"},
            valueString=text,
            effectiveDateTime=writer.day(20),
        )


def _no_shunt(writer: Writer) -> None:
    """Explicit absence: a negative examination, or a refuted entry."""
    if writer.style == "mixed" and writer.pick((True, False)):
        code = writer.concept("condition", "shunt_present")
        condition(writer, code, clinical=None, verification="refuted", recordedDate=writer.day(20))
        return
    absent = {"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "2667000"}]}}
    value: JsonObject = writer.pick(({"valueBoolean": False}, {"valueString": "absent"}, absent))
    title = writer.pick(("Ventriculoperitoneal shunt", "CSF shunt"))
    writer.add(
        "Observation",
        status="final",
        category=EXAM,
        code={"text": title},
        effectiveDateTime=writer.day(20),
        **value,
    )


def flow(writer: Writer, value: dict[str, Any] | None) -> None:
    """The newest CSF flow study: status and days."""
    if value is None:
        return
    text = value.get("text") or writer.pick(phrases("flow", value["status"]))
    dated = {"effectiveDateTime": writer.moment(value["days"], "11:00:00")}
    if writer.style in ("text", "mixed") and writer.pick((True, False)):
        writer.add(
            "Observation",
            status="final",
            category=category("imaging"),
            code={"text": "CSF flow study"},
            valueString=text,
            **dated,
        )
        return
    named = writer.words(
        writer.pick(("Radionuclide CSF flow study", "Indium-111 DTPA cisternography"))
    )
    code = (
        named
        if writer.notation() == "text"
        else writer.coded(LOINC, writer.pick(("42386-3", "42387-1")))
    )
    writer.add("DiagnosticReport", status="final", code=code, conclusion=text, **dated)


_SITES = {
    "CSI": ("12738006", "2748008"),
    "WBRT": ("12738006",),
    "brain": ("12738006",),
    "spine": ("2748008",),
}
_COURSES = {
    "CSI": ("Proton craniospinal irradiation", "CSI 36 Gy", "Neuraxis radiotherapy"),
    "WBRT": ("Whole brain radiotherapy", "WBRT 30 Gy in 10 fractions"),
    "brain": ("Stereotactic radiotherapy to brain", "Focal cranial irradiation 30 Gy"),
    "spine": ("Radiotherapy to the lumbar spine",),
    "breast": ("Radiotherapy to the left breast",),
}
ACTIVE_DAYS = 20
"""An active course without stated days began this many days ago."""


def radiotherapy(writer: Writer, courses: list[dict[str, Any]]) -> None:
    """Courses {type, status: planned|active|completed|not-done|stopped|preparation, days}."""
    for course in courses:
        code, sites = _course(writer, course["type"])
        if course["status"] == "planned":
            _planned(writer, code, sites)
        else:
            status = {"active": "in-progress"}.get(course["status"], course["status"])
            writer.add(
                "Procedure", status=status, code=code, bodySite=sites, **_performed(writer, course)
            )


def _course(writer: Writer, kind: str) -> tuple[JsonObject, list[JsonObject] | None]:
    """Code and body sites of a course: words, code with words, or code with sites."""
    text = writer.pick(_COURSES[kind])
    by_sites = kind in ("CSI", "brain", "spine") and writer.notation() == "snomed"
    if by_sites:
        sites = [{"coding": [{"system": SNOMED, "code": code}]} for code in _SITES[kind]]
        return writer.coded(SNOMED, writer.pick(("108290001", "53438000"))), sites
    if writer.notation() == "text":
        return {"text": text}, None
    return writer.coded(SNOMED, "108290001", text), None


def _planned(writer: Writer, code: JsonObject, sites: list[JsonObject] | None) -> None:
    """A request, or a Procedure in preparation."""
    if writer.pick((True, True, False)):
        status = writer.pick(("active", "on-hold", "draft"))
        writer.add(
            "ServiceRequest",
            status=status,
            intent=writer.pick(("order", "plan")),
            code=code,
            bodySite=sites,
        )
    else:
        writer.add(
            "Procedure", status=writer.pick(("preparation", "on-hold")), code=code, bodySite=sites
        )


def _performed(writer: Writer, course: dict[str, Any]) -> JsonObject:
    """The dates of a course: start of an active one, end of a completed one."""
    if course["status"] == "active":
        return {"performedPeriod": {"start": writer.day(course.get("days") or ACTIVE_DAYS)}}
    days = course.get("days")
    if days is None:
        return {}
    period = {"performedPeriod": {"start": writer.day(days + 14), "end": writer.day(days)}}
    return writer.pick(({"performedDateTime": writer.day(days)}, period))
