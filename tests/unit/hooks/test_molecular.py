"""Tumour markers: which entry decides, and what is no result."""

from __future__ import annotations

from typing import Any

import pytest

from hooks import SERVICES
from hooks.readings import markers
from hooks.readings.chart import Chart
from tests.unit.hooks.records import LM, LOINC, SNOMED, about, coded, record

HGNC = "http://www.genenames.org"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


def results(*resources: dict[str, Any]) -> dict[str, bool]:
    return {gene: found.positive for gene, found in Chart(record(*resources)).markers.items()}


def report(conclusion: str, day: str | None = "2026-10-01", **members: Any) -> dict[str, Any]:
    dated = {"effectiveDateTime": day} if day else {}
    own = {"status": "final", "code": {"text": "Molecular pathology"}, "conclusion": conclusion}
    return about("DiagnosticReport", f"r-{day}", **{**own, **dated, **members})


def measured(code: str, value: Any, day: str = "2026-10-01", **members: Any) -> dict[str, Any]:
    own = {"status": "final", "code": coded(LOINC, code), "effectiveDateTime": day}
    held = {"valueCodeableConcept": value} if isinstance(value, dict) else {"valueString": value}
    return about("Observation", f"o-{day}", **{**own, **held, **members})


def variant(gene: dict[str, Any], value: dict[str, Any], **members: Any) -> dict[str, Any]:
    studied = {"code": coded(LOINC, "48018-6"), "valueCodeableConcept": gene}
    return measured("69548-6", value, component=[studied], **members)


PRESENT, ABSENT = coded(LOINC, "LA9633-4"), {"text": "Absent"}
BRAF = coded(HGNC, "HGNC:1097")


@pytest.mark.parametrize(
    ("gene", "expected"),
    [
        (coded(HGNC, "HGNC:3236"), {"EGFR": True}),
        (coded(HGNC, "3236"), {"EGFR": True}),
        (coded(f"{HGNC}/geneId", "HGNC:427"), {"ALK": True}),
        ({"text": "BRAF"}, {"BRAF": True}),
        (coded(HGNC, "HGNC:11998", "EGFR pathway"), {}),
        ({"text": "eGFR"}, {}),
    ],
)
def test_gene_of_a_variant(gene: dict[str, Any], expected: dict[str, bool]) -> None:
    assert results(variant(gene, PRESENT)) == expected


def test_variant_without_gene_component() -> None:
    assert results(measured("69548-6", PRESENT)) == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (PRESENT, {"HER2": True}),
        (coded(SNOMED, "10828004"), {"HER2": True}),
        (coded(SNOMED, "260385009"), {"HER2": False}),
        (ABSENT, {"HER2": False}),
        ("Not detected.", {"HER2": False}),
        ("Positive", {"HER2": True}),
        ("2+", {}),
        ("Positive for estrogen receptor", {}),
    ],
)
def test_value_of_a_marker(value: Any, expected: dict[str, bool]) -> None:
    assert results(measured("85318-4", value)) == expected


def test_interpretation_of_a_marker() -> None:
    flagged = {"interpretation": [coded(INTERPRETATION, "POS")]}
    assert results(measured("78205-2", "see report", **flagged)) == {"ALK": True}


@pytest.mark.parametrize("status", ["preliminary", "entered-in-error", "cancelled"])
def test_results_that_are_not_final(status: str) -> None:
    assert results(measured("85318-4", PRESENT, status=status)) == {}
    assert results(report("EGFR mutation detected.", status=status)) == {}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("p.Val600Glu", {"BRAF": True}),
        ("V600K", {"BRAF": True}),
        ("K601E", {}),
        ("p.Lys601Glu", {}),
    ],
)
def test_only_v600_counts_for_braf(change: str, expected: dict[str, bool]) -> None:
    named = {"code": coded(LOINC, "48005-3"), "valueString": change}
    found = variant(BRAF, PRESENT)
    found["component"].append(named)
    assert results(found) == expected
    assert results(report(f"BRAF {change} mutation detected.")) == expected


def test_a_braf_change_that_is_absent_is_negative() -> None:
    assert results(variant(BRAF, ABSENT, note=[{"text": "K601E"}])) == {"BRAF": False}


@pytest.mark.parametrize(
    ("title", "conclusion", "expected"),
    [
        ("EGFR mutation analysis", "L858R detected.", {"EGFR": "pos"}),
        ("EGFR mutation analysis", "Negative.", {"EGFR": "neg"}),
        ("EGFR and ALK", "Not detected.", {"EGFR": "neg", "ALK": "neg"}),
        ("EGFR mutation analysis", "ALK rearrangement present.", {"ALK": "pos"}),
        ("EGFR mutation analysis", "See attached document", {}),
        ("Lung panel", "Positive.", {}),
    ],
)
def test_title_of_a_report(title: str, conclusion: str, expected: dict[str, str]) -> None:
    assert markers.read_report(title, conclusion) == expected


def test_the_newest_result_decides() -> None:
    older, newer = report("EGFR mutation detected.", "2026-01-01"), report("EGFR wild-type.")
    assert results(older, newer) == {"EGFR": False}
    assert results(newer, {**older, "effectiveDateTime": "2026-10-02"}) == {"EGFR": True}


def test_on_one_day_the_positive_result_decides() -> None:
    same_day = measured("85318-4", ABSENT), report("HER2 IHC 3+ positive")
    assert results(*same_day) == results(*reversed(same_day)) == {"HER2": True}


def test_an_undated_result_counts_after_every_dated_one() -> None:
    undated = report("EGFR mutation detected.", None)
    assert results(undated) == {"EGFR": True}
    assert results(undated, report("EGFR wild-type.", "2020-01-01")) == {"EGFR": False}


def test_a_result_of_the_future_is_not_used() -> None:
    assert results(report("EGFR mutation detected.", "2027-01-01")) == {}


def test_a_result_beats_a_condition_code() -> None:
    her2 = about("Condition", "c", code=coded(SNOMED, "427685000"), recordedDate="2026-11-01")
    assert results(her2) == {"HER2": True}
    assert results(her2, report("HER2 negative.", "2020-01-01")) == {"HER2": False}


@pytest.mark.parametrize("status", ["unconfirmed", "refuted", "entered-in-error"])
def test_doubtful_conditions_carry_no_result(status: str) -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    code = coded(SNOMED, "427685000")
    assert (
        results(about("Condition", "c", code=code, verificationStatus=coded(system, status))) == {}
    )


def test_expression_codes_are_no_mutation_result() -> None:
    assert results(about("Condition", "c", code=coded(SNOMED, "426964009"))) == {}


@pytest.mark.parametrize(
    "text",
    [
        "EGFR mutation analysis performed.",
        "EGFR mutation testing sent to the reference laboratory",
        "EGFR mutation status:",
        "Indication: evaluate for EGFR mutation",
        "Family history: mother with EGFR mutated lung cancer",
        "This assay detects EGFR exon 19 deletions",
        "EGFR L858R mutation cannot be excluded",
        "EGFR mutation: see comment",
        "No further EGFR testing",
        "Progression on EGFR TKI, new lesions present",
        "EGFR gene amplification detected",
        "EGFR mutation testing cancelled",
    ],
)
def test_a_marker_that_is_named_without_a_result(text: str) -> None:
    assert markers.read(text) == {}


@pytest.mark.parametrize(
    "text",
    [
        "EGFR mutant lung cancer, no leptomeningeal enhancement",
        "EGFR L858R detected, T790M not detected",
        "EGFR T790M not detected, L858R detected",
        "Positive for EGFR L858R, negative for T790M",
        "EGFR-negative on outside report, repeat positive",
        "EGFR mutation, new lesions not seen",
    ],
)
def test_a_negation_beside_a_positive_marker_decides_nothing(text: str) -> None:
    """A result must not be hidden by what was not found beside it."""
    assert markers.read(text) == {}
    older = report("EGFR L858R mutation detected.", "2025-01-01")
    assert results(older, report(text)) == {"EGFR": True}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EGFR mutation: none", {"EGFR": "neg"}),
        ("EGFR mutation: WT", {"EGFR": "neg"}),
        ("EGFR mutation undetected", {"EGFR": "neg"}),
        ("NSCLC without EGFR mutation", {"EGFR": "neg"}),
        ("Neither EGFR mutation nor ALK rearrangement", {"EGFR": "neg", "ALK": "neg"}),
        ("EGFR mutation detected, no ALK rearrangement", {"EGFR": "pos", "ALK": "neg"}),
        ("EGFR mutation, ALK rearrangement not detected", {"ALK": "neg"}),
        ("EGFR L858R detected (VAF 0.12)", {"EGFR": "pos"}),
        ("EGFR L858R detected. EGFR T790M not detected.", {"EGFR": "pos"}),
        ("EGFR L858R detected, no other mutations identified", {"EGFR": "pos"}),
        ("EGFR positive without other alterations, ALK negative", {"EGFR": "pos", "ALK": "neg"}),
        ("EGFR negative, no additional mutation detected", {"EGFR": "neg"}),
        ("EGFR L858R detected, sensitive to EGFR TKIs", {"EGFR": "pos"}),
        ("BRAF V600E not detected, NRAS Q61R detected", {"BRAF": "neg"}),
        ("BRAF non-V600 mutation detected", {}),
        ("BRAF fusion detected", {}),
        ("HER2 ultralow detected", {"HER2": "neg"}),
        ("HER2 non-amplified", {"HER2": "neg"}),
        ("HER2 exon 20 insertion", {}),
        ("ER negative / PR negative / HER2 3+", {"HER2": "pos"}),
        ("ER positive and HER2 negative", {"HER2": "neg"}),
        ("HER2+ breast cancer, no metastases", {}),
        ("Anti-HER2 therapy, metastases present", {}),
        ("ALK phosphatase present", {}),
        ("PD-L1 positive, EGFR negative", {"EGFR": "neg"}),
        ("eGFR 45, positive for protein", {}),
    ],
)
def test_verdicts_that_reach_their_own_marker_only(text: str, expected: dict[str, str]) -> None:
    assert markers.read(text) == expected


LUNG = about("Condition", "lung", code={"text": "Lung adenocarcinoma"}, recordedDate="2024-01-01")


@pytest.mark.parametrize(
    "found",
    [
        report("EGFR and ALK testing pending."),
        report("EGFR L858R detected, T790M not detected; ALK negative."),
        variant(coded(HGNC, "HGNC:3236"), {"text": "Indeterminate"}),
        report("See attached document.", code={"text": "EGFR mutation analysis"}),
        about("Condition", "c", code={"text": "EGFR-mutated lung cancer"}),
    ],
)
def test_a_marker_without_clear_result_is_not_called_absent(found: dict[str, Any]) -> None:
    cards = SERVICES["lm-patient-view"].cards(record(LUNG, LM, found))
    told = " ".join(card.body["summary"] + card.body["detail"] for card in cards)
    assert "without a clear result" in told
    assert "no result of EGFR" not in told


def test_an_undecided_report_takes_no_result_away() -> None:
    """What a marker is named by matters only while it has no result."""
    both = report("ALK positive."), report("EGFR pending", "2026-11-01")
    assert Chart(record(LUNG, LM, *both)).unclear_markers == {"EGFR"}
    withdrawn = report("EGFR pending", status="entered-in-error")
    assert Chart(record(LUNG, LM, withdrawn)).unclear_markers == frozenset()


def test_the_draft_of_a_molecular_test_names_the_markers() -> None:
    """The draft leaves the card behind, so that a pointer to the card would say nothing."""
    cards = SERVICES["lm-patient-view"].cards(record(LUNG, LM))
    offered = [s for card in cards for s in card.body.get("suggestions", ())]
    draft = next(s for s in offered if s["label"] == "Draft molecular test of tumour or CSF")
    assert draft["actions"][0]["resource"]["note"] == [{"text": "Markers: EGFR and ALK"}]
