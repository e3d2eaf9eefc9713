"""CSF cytology: report or Observation, specimen with volume, time and fixation."""

from __future__ import annotations

from typing import Any

from tests.charts.vocabulary import CATEGORY, INTERPRETATION, LOINC, SNOMED, JsonObject, phrases
from tests.charts.writer import Writer

KEYS = {"days", "result", "volume", "delay_min", "fixed", "hour", "text", "status"}
_LABORATORY = [{"coding": [{"system": CATEGORY, "code": "laboratory"}]}]
_CODES = {
    "positive": ("10828004", "260373001"),
    "negative": ("260385009", "260415000"),
    "equivocal": ("42425007", "419984006"),
    "inadequate": ("125154007",),
}
_FLAGS = {"positive": "POS", "negative": "NEG", "equivocal": "IND", "inadequate": "QCF"}


def samples(writer: Writer, entries: list[dict[str, Any]]) -> None:
    """All CSF cytologies; absent or null volume, time and fixation are unknown."""
    for entry in entries:
        unknown = set(entry) - KEYS
        if unknown:
            raise KeyError(f"unknown keys of a CSF sample: {sorted(unknown)}")
        specimen = _specimen(writer, entry) if writer.style != "text" else None
        _result(writer, entry, specimen)


def _specimen(writer: Writer, entry: dict[str, Any]) -> JsonObject:
    """The specimen: type, collection day, volume, processing."""
    kind = writer.coded(SNOMED, "258450006") if writer.style != "icd" else {"text": "CSF"}
    collection: JsonObject = {"collectedDateTime": _moment(writer, entry, 0)}
    if entry.get("volume") is not None:
        collection["quantity"] = {"value": entry["volume"], "unit": "mL", "code": "mL"}
    return writer.add("Specimen", type=kind, collection=collection, **_processing(writer, entry))


def _moment(writer: Writer, entry: dict[str, Any], minutes: int) -> str:
    """Collection time on the day of the sample, plus minutes."""
    total = entry.get("hour", 8) * 60 + minutes
    return writer.moment(entry["days"], f"{total // 60:02d}:{total % 60:02d}:00")


def _processing(writer: Writer, entry: dict[str, Any]) -> JsonObject:
    """Time to processing and fixation as far as they are known."""
    delay, fixed = entry.get("delay_min"), entry.get("fixed")
    received = writer.pick((True, False))
    steps: list[JsonObject] = []
    if fixed:
        steps.append(
            {"description": writer.pick(("Fixed in Ethanol-Carbowax 1:1", "Fixation on arrival"))}
        )
    if delay is not None and not received:
        steps.append({"timeDateTime": _moment(writer, entry, delay)})
    elements: JsonObject = {"processing": steps} if steps else {}
    if delay is not None and received:
        elements["receivedTime"] = _moment(writer, entry, delay)
    return elements


def _result(writer: Writer, entry: dict[str, Any], specimen: JsonObject | None) -> None:
    """The cytology itself: DiagnosticReport, or Observation in some charts."""
    status = "preliminary" if entry["result"] == "pending" else entry.get("status", "final")
    links = {"reference": f"Specimen/{specimen['id']}"} if specimen else None
    observation = writer.style in ("snomed", "mixed") and writer.pick((True, False))
    dated = {"effectiveDateTime": _moment(writer, entry, 0)}
    shown = _shown(writer, entry, observation, specimen)
    code = _code(writer, specimen)
    if observation:
        writer.add(
            "Observation",
            status=status,
            category=_LABORATORY,
            code=code,
            specimen=links,
            **dated,
            **shown,
        )
    else:
        about = [links] if links else None
        writer.add("DiagnosticReport", status=status, code=code, specimen=about, **dated, **shown)


def _code(writer: Writer, specimen: JsonObject | None) -> JsonObject:
    """A cytology LOINC code, or the name of the study (which must then name CSF)."""
    if specimen is None:
        return writer.words(writer.pick(("CSF cytology", "Cytology, cerebrospinal fluid")))
    code = writer.pick(("10525-4", "47526-9", "33716-2"))
    return writer.coded(LOINC, code)


def _shown(
    writer: Writer, entry: dict[str, Any], observation: bool, specimen: JsonObject | None
) -> JsonObject:
    """Coded result or report text, and what the specimen does not say."""
    result = entry["result"]
    if result == "pending":
        return {}
    text = _text(writer, entry, specimen)
    worded = {"valueString" if observation else "conclusion": text}
    if specimen is None or result not in _CODES or "text" in entry or writer.notation() != "snomed":
        return worded
    coded = {"coding": [{"system": SNOMED, "code": writer.pick(_CODES[result])}]}
    if not observation:
        return {"conclusionCode": [coded]}
    flagged = {"coding": [{"system": INTERPRETATION, "code": _FLAGS[result]}]}
    return writer.pick(({"valueCodeableConcept": coded}, {"interpretation": [flagged]}))


def _text(writer: Writer, entry: dict[str, Any], specimen: JsonObject | None) -> str:
    """The wording of a result; without a specimen it also states volume, time, fixation."""
    sentences = [str(entry.get("text") or writer.pick(phrases("cytology", entry["result"])))]
    if specimen is None and entry.get("volume") is not None:
        sentences.append(
            writer.pick((f"Volume: {entry['volume']} mL.", f"{entry['volume']} mL of clear CSF."))
        )
    if specimen is None and entry.get("delay_min") is not None:
        sentences.append(f"Processed within {entry['delay_min']} minutes.")
    if specimen is None and entry.get("fixed"):
        sentences.append("Ethanol-Carbowax fixation.")
    return " ".join(sentences)
