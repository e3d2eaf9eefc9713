"""MRI reports of brain and spine: code or name, contrast, pattern, masses."""

from __future__ import annotations

from typing import Any

from tests.charts.conditions import condition
from tests.charts.vocabulary import LOINC, JsonObject, phrases
from tests.charts.writer import Writer

MASSES = ("mass_effect", "posterior_fossa_mass", "obstructive_hydrocephalus")
KEYS = {"brain", "spine", *MASSES}
STUDY_KEYS = {"days", "contrast", "pattern", "text", "part", "status", "hour"}
_LOINC = {
    ("brain", True): ("24587-8", "24589-4"),
    ("brain", False): ("30657-1",),
    ("brain", None): ("24590-2",),
    ("spine", True): ("30855-1", "38061-8"),
    ("spine", False): ("30854-4",),
}
_CONTRAST = {True: " with and without contrast", False: " without contrast", None: ""}
_SPINE_PARTS = ("cervical", "thoracic", "lumbar")


def studies(writer: Writer, value: dict[str, Any]) -> None:
    """The MRI facts of a case. A mass stands in the brain report, else as Condition."""
    unknown = set(value) - KEYS
    if unknown:
        raise KeyError(f"unknown keys of mri: {sorted(unknown)}")
    masses = [name for name in MASSES if value.get(name)]
    for region in ("brain", "spine"):
        for study in _listed(value.get(region)):
            _study(writer, region, study, masses if region == "brain" else [])
    if masses and not value.get("brain"):
        if masses != ["obstructive_hydrocephalus"]:
            raise KeyError("a mass needs a brain MRI that reports it")
        condition(writer, writer.concept("condition", "obstructive_hydrocephalus"))


def _listed(value: Any) -> list[dict[str, Any]]:
    """One study or several studies of a region as a list."""
    return value if isinstance(value, list) else [value] if value else []


def _study(writer: Writer, region: str, study: dict[str, Any], masses: list[str]) -> None:
    """One study; a whole spine with contrast may come as three regional reports."""
    unknown = set(study) - STUDY_KEYS
    if unknown:
        raise KeyError(f"unknown keys of an MRI study: {sorted(unknown)}")
    whole = region == "spine" and "part" not in study
    if whole and study.get("contrast") and writer.style == "mixed" and writer.pick((True, False)):
        _regional(writer, study)
    else:
        _report(writer, _code(writer, region, study), _conclusion(writer, study, masses), study)


def _regional(writer: Writer, study: dict[str, Any]) -> None:
    """Cervical, thoracic and lumbar reports; the newest part has the day of the study."""
    for index, part in enumerate(_SPINE_PARTS):
        code = {"text": f"MRI {part} spine with and without contrast"}
        told = study if index == 0 else study | {"pattern": None, "text": None}
        days = study["days"] + (1 if index == 2 else 0)
        _report(writer, code, _conclusion(writer, told, []), study | {"days": days})


def _code(writer: Writer, region: str, study: dict[str, Any]) -> JsonObject:
    """A LOINC code where one says region and contrast, else the name of the study."""
    contrast, part = study.get("contrast"), study.get("part")
    codes = _LOINC.get((region, contrast)) if part is None else None
    if codes and writer.notation() != "text":
        return writer.coded(LOINC, writer.pick(codes))
    extent = f"{part} spine" if part else "whole spine" if region == "spine" else "brain"
    return writer.words(f"MRI {extent}{_CONTRAST[contrast]}")


def _conclusion(writer: Writer, study: dict[str, Any], masses: list[str]) -> str:
    """The report text: masses first, then what it says about the leptomeninges."""
    found = [writer.pick(phrases("mass", name)) for name in masses]
    pattern = writer.pick(phrases("mri", study.get("pattern") or "silent"))
    return " ".join([*found, study.get("text") or pattern])


def _report(writer: Writer, code: JsonObject, conclusion: str, study: dict[str, Any]) -> None:
    """The DiagnosticReport, dated by effective or issued."""
    moment = writer.moment(study["days"], f"{study.get('hour', 10):02d}:30:00")
    dated = {writer.pick(("effectiveDateTime", "effectiveDateTime", "issued")): moment}
    status = study.get("status", "final")
    writer.add("DiagnosticReport", status=status, code=code, conclusion=conclusion, **dated)
