"""Tumour markers: marker Observations, variant Observations, Conditions, report text."""

from __future__ import annotations

from tests.charts.conditions import condition
from tests.charts.vocabulary import CATEGORY, INTERPRETATION, LOINC, SNOMED, JsonObject, has_concept
from tests.charts.writer import Writer

_LOINC = {"HER2": ["85318-4", "48676-1"], "ALK": ["78205-2"], "BRAF": ["85299-6"]}
_GENES = {"EGFR": "HGNC:3236", "ALK": "HGNC:427", "BRAF": "HGNC:1097"}
_REPORTS = {
    "EGFR=pos": ["EGFR L858R mutation detected.", "EGFR exon 19 deletion detected, ROS1 negative."],
    "EGFR=neg": ["EGFR wild-type.", "No EGFR mutation detected."],
    "ALK=pos": ["ALK rearrangement present.", "EGFR pending; ALK fusion detected."],
    "ALK=neg": ["ALK negative.", "ALK rearrangement not detected."],
    "HER2=pos": ["HER2 IHC 3+ (positive), ER 0", "HER2 amplified."],
    "HER2=neg": ["HER2-low (1+)", "HER2 negative."],
    "BRAF=pos": ["BRAF V600E mutation detected."],
    "BRAF=neg": ["BRAF wild type."],
}
_LABORATORY = [{"coding": [{"system": CATEGORY, "code": "laboratory"}]}]


def add_marker(writer: Writer, marker: str, result: str, as_condition: bool) -> None:
    """One marker result (`pos` or `neg`) in the notation of the style."""
    key, notation = f"{marker}={result}", writer.notation()
    if as_condition and notation == "snomed" and has_concept("marker_condition", key):
        code = writer.concept("marker_condition", key)
        condition(writer, code, recordedDate=writer.day(300))
    elif notation == "text":
        _report(writer, key)
    elif marker in _LOINC and writer.pick((True, False)):
        _observation(writer, writer.pick(_LOINC[marker]), _value(writer, result))
    elif marker in _GENES:
        _variant(writer, _GENES[marker], result)
    else:
        _observation(writer, _LOINC[marker][0], _value(writer, result))


def _report(writer: Writer, key: str) -> None:
    """A molecular report in words, without category."""
    code = writer.words("Molecular pathology report")
    conclusion = writer.pick(_REPORTS[key])
    writer.add(
        "DiagnosticReport",
        status="final",
        code=code,
        conclusion=conclusion,
        issued=writer.moment(200),
    )


def _value(writer: Writer, result: str) -> JsonObject:
    """The result of a marker Observation as code, interpretation or words."""
    code = {"pos": "10828004", "neg": "260385009"}[result]
    flag = {"pos": "POS", "neg": "NEG"}[result]
    word = {"pos": "Positive", "neg": "not detected"}[result]
    coded = {"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": code}]}}
    flagged = {"interpretation": [{"coding": [{"system": INTERPRETATION, "code": flag}]}]}
    worded = {"valueCodeableConcept": {"text": word}}
    return writer.pick((coded, flagged, worded) if result == "neg" else (coded, flagged))


def _observation(writer: Writer, code: str, value: JsonObject) -> None:
    """A laboratory Observation of a marker."""
    dated = {"effectiveDateTime": writer.day(250)}
    concept = writer.coded(LOINC, code)
    writer.add("Observation", status="final", category=_LABORATORY, code=concept, **dated, **value)


def _variant(writer: Writer, gene: str, result: str) -> None:
    """A genetic variant assessment (LOINC 69548-6) that names the gene in a component."""
    present = {"coding": [{"system": LOINC, "code": "LA9633-4"}]}
    value = present if result == "pos" else {"text": "Absent"}
    studied = {"coding": [{"system": "http://www.genenames.org", "code": gene}]}
    component = {
        "code": {"coding": [{"system": LOINC, "code": "48018-6"}]},
        "valueCodeableConcept": studied,
    }
    _observation(writer, "69548-6", {"valueCodeableConcept": value, "component": [component]})
