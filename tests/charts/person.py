"""The person: age, malignancies with their markers, leptomeningeal diagnosis."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.charts.conditions import condition
from tests.charts.markers import add_marker
from tests.charts.vocabulary import JsonObject, has_concept
from tests.charts.writer import Writer

CANCER_KEYS = {"site", "class", "status", "metastatic", "history", "markers", "small_cell", "days"}
CANCER_DAYS = 700
"""A cancer without stated age was found this many days ago."""


def age(writer: Writer, value: Any) -> None:
    """The Patient. A number, `{turns, in_days}`, `{born: "YYYY[-MM]"}`, or null (unknown)."""
    absent = {"extension": [{"url": _ABSENT, "valueCode": "unknown"}]}
    silent: tuple[JsonObject, ...] = ({}, {"_birthDate": absent})
    extra = writer.pick(silent) if value is None else {"birthDate": _birth_date(writer, value)}
    writer.resources.append({"resourceType": "Patient", "id": writer.patient_id, **extra})


_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


def _birth_date(writer: Writer, value: Any) -> str:
    """The birth date that gives this age on the day of the call."""
    today = writer.now.date()
    if isinstance(value, dict) and "born" in value:
        return str(value["born"])
    if isinstance(value, dict):
        return _years_before(today + timedelta(days=value["in_days"]), value["turns"]).isoformat()
    if isinstance(value, float):
        return (today - timedelta(days=round(value * 365.25))).isoformat()
    birthday = today - timedelta(days=writer.pick((150, 210, 240)))
    return _years_before(birthday, value).isoformat()


def _years_before(day: date, years: int) -> date:
    """The same calendar day this many years earlier (29 February becomes 28)."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


_TUMOUR = {"EGFR": "lung", "ALK": "lung", "HER2": "breast", "BRAF": "melanoma"}


def _is_named_by(marker: str, entry: dict[str, Any]) -> bool:
    """Whether a Condition code of this marker result names the same tumour as the entry."""
    return entry["site"] == _TUMOUR[marker] and not entry.get("small_cell")


def cancers(writer: Writer, entries: list[dict[str, Any]]) -> None:
    """All malignancies of the patient with what refines them."""
    for entry in entries:
        unknown = set(entry) - CANCER_KEYS
        if unknown:
            raise KeyError(f"unknown keys of a cancer: {sorted(unknown)}")
        _cancer(writer, entry)
        if entry.get("metastatic"):
            _metastases(writer, entry)
        for marker, result in (entry.get("markers") or {}).items():
            add_marker(writer, marker, result, _is_named_by(marker, entry))


def _cancer(writer: Writer, entry: dict[str, Any]) -> None:
    """The primary malignancy."""
    site, past = entry["site"], bool(entry.get("history"))
    if site == "secondary_only":
        return
    days = entry.get("days", CANCER_DAYS)
    ended = past and (not has_concept("history", site) or writer.pick((True, False)))
    kind = (
        "small_cell" if entry.get("small_cell") else "history" if past and not ended else "cancer"
    )
    text = "Small cell carcinoma of lung" if entry.get("small_cell") else None
    code = writer.concept(kind, site, text)
    status = "resolved" if ended else "active"
    condition(
        writer,
        code,
        clinical=status,
        **{writer.pick(("onsetDateTime", "recordedDate")): writer.day(days)},
    )


def _metastases(writer: Writer, entry: dict[str, Any]) -> None:
    """Metastatic disease: stage of the cancer just written, or a secondary-only entry."""
    primary = writer.resources[-1]
    if entry["site"] != "secondary_only" and writer.pick((True, False, False)):
        stage = writer.pick(("Stage IV", "Metastatic disease", "Stage 4b"))
        primary["stage"] = [{"summary": {"text": stage}}]
    else:
        condition(writer, writer.concept("secondary", "any"), recordedDate=writer.day(100))


def lm_diagnosis(writer: Writer, value: str | None, refuted_days: float | None) -> None:
    """`confirmed`, `probable`, `suspected` or `refuted_recent` leptomeningeal metastasis."""
    if value in (None, "none"):
        return
    if value == "refuted_recent":
        _refuted(writer, refuted_days if refuted_days is not None else 0)
        return
    coded_words = "Probable leptomeningeal metastasis" if value == "probable" else None
    code = writer.concept("lm", str(value), coded_words)
    doubtful = value == "suspected" and "text" not in code
    verification = "provisional" if doubtful else "confirmed"
    condition(writer, code, verification=verification, recordedDate=writer.day(12))


def _refuted(writer: Writer, days: float) -> None:
    """A refuted entry, dated by abatement or by record."""
    dated = writer.pick(("abatementDateTime", "recordedDate"))
    older = {"recordedDate": writer.day(days + 10)} if dated == "abatementDateTime" else {}
    dates = older | {dated: writer.day(days)}
    code = writer.concept("lm", "confirmed")
    condition(writer, code, clinical=None, verification="refuted", **dates)
