"""Guidance for established LM: what the decks of cases do not reach."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hooks import SERVICES
from hooks.record import Failure
from tests.unit.hooks.records import (
    BREAST,
    LM,
    LOINC,
    SNOMED,
    about,
    coded,
    mri,
    opened,
    ordered,
    record,
)

CYTOLOGY = about(
    "DiagnosticReport",
    "csf",
    status="final",
    code={"text": "CSF cytology"},
    conclusion="Malignant cells present.",
    effectiveDateTime="2026-11-10",
)


def observed(own_id: str, code: dict[str, Any], day: str, **value: Any) -> dict[str, Any]:
    return about("Observation", own_id, status="final", code=code, effectiveDateTime=day, **value)


def requested(own_id: str, drug: dict[str, Any] | str, **members: Any) -> dict[str, Any]:
    concept = {"text": drug} if isinstance(drug, str) else drug
    own = {"status": "active", "intent": "order", "medicationCodeableConcept": concept}
    return about("MedicationRequest", own_id, **{**own, **members})


BRAIN = mri("brain", "Linear leptomeningeal enhancement.")
SPINE = mri("whole spine", "No leptomeningeal enhancement.")
KPS = observed("kps", coded(LOINC, "89243-0"), "2026-11-18", valueInteger=80)
HER2 = about("Condition", "her2", code=coded(SNOMED, "431396003"), recordedDate="2024-01-02")
WHOLE = (BREAST, HER2, LM, CYTOLOGY, BRAIN, SPINE, KPS)


def details(*resources: dict[str, Any], failures: tuple[Failure, ...] = ()) -> dict[str, str]:
    """The detail of each card, by the ids on it."""
    cards = SERVICES["lm-patient-view"].cards(record(*resources, failures=failures))
    return {" ".join(item.recommendation for item in c.items): c.body["detail"] for c in cards}


def summaries(*resources: dict[str, Any], failures: tuple[Failure, ...] = ()) -> str:
    cards = SERVICES["lm-patient-view"].cards(record(*resources, failures=failures))
    return "\n".join(card.body["summary"] for card in cards)


def test_complete_chart_gets_type_and_option_only() -> None:
    assert opened(*WHOLE) == {
        ("eano-classification", "info"),
        ("intrathecal-therapy-option", "info"),
    }
    assert "LM: EANO-ESMO type IA, certainty confirmed." in summaries(*WHOLE)


@pytest.mark.parametrize(
    ("value", "short"),
    [
        ({"valueQuantity": {"value": 29, "unit": "d"}}, True),
        ({"valueQuantity": {"value": 30, "unit": "days"}}, False),
        ({"valueQuantity": {"value": 1, "unit": "mo"}}, False),
        ({"valueQuantity": {"value": 1, "comparator": "<", "code": "mo"}}, True),
        ({"valueQuantity": {"value": 4, "code": "wk"}}, True),
        ({"valueQuantity": {"value": 5, "code": "wk"}}, False),
        ({"valueQuantity": {"value": 2, "unit": "moons"}}, False),
        ({"valueQuantity": {"unit": "d"}}, False),
        ({"valueString": "Less than one month"}, True),
        ({"valueString": "days to  weeks"}, True),
        ({"valueCodeableConcept": {"text": "under 1 month"}}, True),
        ({"valueString": "several months"}, False),
        ({"valueString": "Days to weeks, not for resuscitation"}, True),
        ({"valueString": "not less than 1 month"}, False),
        ({"valueString": "<1 month if untreated"}, False),
        ({"valueString": "less than 12 months"}, False),
        ({"valueQuantity": {"value": -3, "unit": "d"}}, False),
        ({"valueQuantity": {"value": 0, "unit": "d"}}, True),
    ],
)
def test_life_expectancy(value: dict[str, Any], short: bool) -> None:
    expectancy = observed("le", {"text": "Estimated survival"}, "2026-11-01", **value)
    assert (("best-supportive-care", "warning") in opened(*WHOLE, expectancy)) == short


@pytest.mark.parametrize(("day", "counts"), [("2026-10-22", True), ("2026-10-21", False)])
def test_life_expectancy_is_current_for_thirty_days(day: str, counts: bool) -> None:
    expectancy = observed("le", {"text": "Prognosis"}, day, valueString="days to weeks")
    assert (("best-supportive-care", "warning") in opened(*WHOLE, expectancy)) == counts


def test_poor_status_and_short_life_expectancy_are_both_named() -> None:
    expectancy = observed("le", {"text": "Prognosis"}, "2026-11-01", valueString="<1 month")
    poor = {**KPS, "valueInteger": 40}
    shown = summaries(*WHOLE[:-1], poor, expectancy)
    assert "KPS 40 and expected survival below 1 month: best supportive care first" in shown


@pytest.mark.parametrize(("kps", "named"), [(59, False), (60, True), (69, True)])
def test_the_nccn_threshold_is_named_between_60_and_69(kps: int, named: bool) -> None:
    told = " ".join(details(*WHOLE[:-1], {**KPS, "valueInteger": kps}).values())
    assert ("NCCN counts KPS below 60" in told) == named


@pytest.mark.parametrize(
    ("drug", "expected"),
    [
        ("Osimertinib 80 mg tablet", "osimertinib"),
        (coded("http://www.whocc.no/atc", "L01ED03"), "alectinib"),
        ("Trastuzumab deruxtecan", "trastuzumab deruxtecan"),
    ],
)
def test_treatment_of_lm_names_the_drug(drug: Any, expected: str) -> None:
    told = details(*WHOLE, requested("m", drug))
    card = next(text for ids, text in told.items() if "follow-up-scorecard" in ids)
    assert f"LM treatment is ordered ({expected})" in card


INTRATHECAL = [{"route": coded(SNOMED, "72607000")}]


@pytest.mark.parametrize(
    ("drug", "members", "treats"),
    [
        ("cytarabine", {"dosageInstruction": INTRATHECAL}, True),
        ("methotrexate", {"dosageInstruction": INTRATHECAL}, True),
        (
            coded("http://www.nlm.nih.gov/research/umls/rxnorm", "1660009"),
            {"dosageInstruction": INTRATHECAL},
            True,
        ),
        ("cytarabine", {}, False),
        ("hydrocortisone", {"dosageInstruction": INTRATHECAL}, False),
        ("osimertinib", {"status": "on-hold"}, False),
        ("osimertinib", {"doNotPerform": True}, False),
        ("no osimertinib planned", {}, False),
    ],
)
def test_what_counts_as_treatment_of_lm(drug: Any, members: dict[str, Any], treats: bool) -> None:
    found = opened(*WHOLE, requested("m", drug, **members))
    assert (("follow-up-scorecard", "info") in found) == treats


def test_the_drug_that_is_already_ordered_is_named() -> None:
    lung = about("Condition", "cancer", code={"text": "Lung adenocarcinoma"})
    egfr = observed("egfr", {"text": "x"}, "2026-01-01", valueString="x")
    found = about(
        "DiagnosticReport",
        "mol",
        status="final",
        code={"text": "EGFR"},
        conclusion="Exon 19 deletion detected.",
        effectiveDateTime="2026-01-01",
    )
    told = details(lung, LM, BRAIN, SPINE, KPS, egfr, found, requested("m", "osimertinib"))
    assert any("Already ordered: osimertinib." in text for text in told.values())


@pytest.mark.parametrize(
    ("code", "site", "urgent"),
    [
        (coded(SNOMED, "71286001"), "compression of spinal cord or cauda equina", True),
        ({"text": "Spinal cord compression"}, "compression of spinal cord or cauda equina", True),
        (coded(SNOMED, "94242004"), "cauda equina", True),
        (coded(SNOMED, "94266005"), "cranial nerve", False),
        ({"text": "Symptomatic leptomeningeal nodule"}, "symptomatic nodule or deposit", False),
    ],
)
def test_site_of_a_focal_lesion(code: dict[str, Any], site: str, urgent: bool) -> None:
    lesion = about("Condition", "lesion", code=code, recordedDate="2026-11-01")
    shown = summaries(*WHOLE, lesion)
    assert f"({site})" in shown
    assert ("urgent: focal RT" in shown) == urgent


def test_a_focal_lesion_that_ended_or_is_denied_is_none() -> None:
    code = {"text": "Spinal cord compression"}
    ended = about("Condition", "x", code=code, abatementDateTime="2026-10-01")
    denied = about("Condition", "x", code={"text": "No spinal cord compression"})
    for lesion in (ended, denied):
        assert ("focal-radiotherapy", "info") not in opened(*WHOLE, lesion)


def test_mri_and_sample_far_apart_are_remarked() -> None:
    far = {**CYTOLOGY, "effectiveDateTime": "2026-09-01"}
    near = "MRI and CSF sample lie more than 30 d apart"
    assert near not in " ".join(details(*WHOLE).values())
    told = details(BREAST, HER2, LM, far, BRAIN, SPINE, KPS)
    assert near in " ".join(told.values())
    undated = {name: value for name, value in CYTOLOGY.items() if name != "effectiveDateTime"}
    assert near not in " ".join(details(BREAST, HER2, LM, undated, BRAIN, SPINE, KPS).values())


@pytest.mark.parametrize(
    ("conclusion", "told"),
    [
        ("Normal CSF flow.", "CSF flow study of 10 Nov 2026: normal"),
        ("Study of limited quality.", "CSF flow study of 10 Nov 2026: inconclusive"),
    ],
)
def test_the_flow_study_is_stated(conclusion: str, told: str) -> None:
    code = {"text": "CSF flow study"}
    study = about(
        "DiagnosticReport",
        "flow",
        status="final",
        code=code,
        conclusion=conclusion,
        effectiveDateTime="2026-11-10",
    )
    assert any(told in text for text in details(*WHOLE, study).values())


def test_a_flow_study_older_than_radiotherapy_is_said_to_be_outdated() -> None:
    study = about(
        "DiagnosticReport",
        "flow",
        status="final",
        code={"text": "CSF flow study"},
        conclusion="Normal CSF flow.",
        effectiveDateTime="2026-11-01",
    )
    course = about(
        "Procedure",
        "rt",
        status="completed",
        code={"text": "Whole brain radiotherapy"},
        performedDateTime="2026-11-05",
    )
    told = " ".join(details(*WHOLE, study, course).values())
    assert "normal, but CNS radiotherapy or shunt surgery followed" in told


def test_hydrocephalus_is_remarked_on_the_option() -> None:
    listed = about("Condition", "h", code={"text": "Hydrocephalus"}, recordedDate="2026-11-01")
    assert "clarify and treat it before" in " ".join(details(*WHOLE, listed).values())


REPORTS, OBSERVATIONS = Failure("DiagnosticReport", "timeout"), Failure("Observation", "timeout")


@pytest.mark.parametrize(
    ("resources", "failure", "told", "never"),
    [
        (WHOLE[:3], REPORTS, "imaging reports could not all be read", "none found"),
        (WHOLE[:3], OBSERVATIONS, "KPS and ECOG of the last 30 d are not known", "was found"),
        ((BREAST, LM), REPORTS, "may exist that this service has not seen", "no result of HER2"),
        (WHOLE, REPORTS, "CSF flow study could not be read", "no CSF flow study found"),
        (
            (*WHOLE, requested("m", "osimertinib")),
            OBSERVATIONS,
            "standard assessment is not known to this service",
            "no standard assessment on record",
        ),
    ],
)
def test_what_could_not_be_read_is_never_called_absent(
    resources: tuple[dict[str, Any], ...], failure: Failure, told: str, never: str
) -> None:
    text = summaries(*resources, failures=(failure,))
    text += " ".join(details(*resources, failures=(failure,)).values())
    assert told in text
    assert never not in text


def test_the_neuraxis_draft_is_withheld_where_it_is_ordered() -> None:
    request = ordered("MRI neuraxis", "2026-11-18")
    cards = SERVICES["lm-patient-view"].cards(record(BREAST, HER2, LM, CYTOLOGY, KPS, request))
    card = next(c for c in cards if c.items[0].recommendation == "neuraxis-mri-missing")
    assert "suggestions" not in card.body


SCANNED = [{"contentType": "application/pdf", "url": "Binary/1"}]


def test_a_molecular_report_that_cannot_be_read_is_not_called_absent() -> None:
    scanned = about(
        "DiagnosticReport",
        "mol",
        status="final",
        code={"text": "HER2 testing"},
        effectiveDateTime="2026-11-01",
        presentedForm=SCANNED,
    )
    told = " ".join(details(BREAST, LM, BRAIN, SPINE, KPS, scanned).values())
    assert "may exist that this service has not seen" in told
    assert "no result of HER2" not in told
    withdrawn = {**scanned, "status": "entered-in-error"}
    other = {**scanned, "code": {"text": "Chest X-ray"}}
    for report in (withdrawn, other):
        told = " ".join(details(BREAST, LM, BRAIN, SPINE, KPS, report).values())
        assert "no result of HER2" in told


def test_type_ii_is_not_stated_beside_a_cytology_that_cannot_be_read() -> None:
    scanned = {**CYTOLOGY, "conclusion": "", "presentedForm": SCANNED}
    assert "type not determinable" in summaries(BREAST, HER2, LM, scanned, BRAIN, SPINE, KPS)
    assert "type IIA" in summaries(BREAST, HER2, LM, BRAIN, SPINE, KPS)


@pytest.mark.parametrize(
    ("scale", "value", "expected"),
    [
        ("kps", {"valueString": "<70"}, ("best-supportive-care", "warning")),
        ("kps", {"valueString": "70%"}, ("intrathecal-therapy-option", "info")),
        ("kps", {"valueString": "70/100"}, ("intrathecal-therapy-option", "info")),
        ("kps", {"valueString": "60 – 70"}, ("best-supportive-care", "warning")),
        ("kps", {"valueString": "80-70"}, ("intrathecal-therapy-option", "info")),
        ("kps", {"valueString": "Scale 0-100"}, ("record-kps", "info")),
        ("kps", {"valueString": "9" * 400}, ("record-kps", "info")),
        ("kps", {"valueQuantity": {"value": 0.7, "unit": "1"}}, ("record-kps", "info")),
        ("kps", {"valueQuantity": {"value": 0}}, ("best-supportive-care", "warning")),
        ("ecog", {"valueString": "ECOG PS 1-2"}, ("record-kps", "info")),
        ("ecog", {"valueString": "0 or 1"}, ("intrathecal-therapy-option", "info")),
        ("ecog", {"valueString": "2 to 3"}, ("best-supportive-care", "warning")),
        ("ecog", {"valueString": ">2"}, ("best-supportive-care", "warning")),
        (
            "ecog",
            {"valueQuantity": {"value": 2, "comparator": ">"}},
            ("best-supportive-care", "warning"),
        ),
        ("ecog", {"valueInteger": 6}, ("record-kps", "info")),
    ],
)
def test_performance_status_in_words(
    scale: str, value: dict[str, Any], expected: tuple[str, str]
) -> None:
    code = {"kps": coded(LOINC, "89243-0"), "ecog": {"text": "ECOG performance status"}}[scale]
    found = opened(*WHOLE[:-1], observed("ps", code, "2026-11-18", **value))
    deciding = {"best-supportive-care", "record-kps", "intrathecal-therapy-option"}
    assert {item for item in found if item[0] in deciding} == {expected}


@pytest.mark.parametrize("day", ["2026-10-22", "2026-10-21", "2026-12-01"])
def test_a_status_without_readable_value_is_not_called_absent(day: str) -> None:
    told = summaries(*WHOLE[:-1], observed("ps", {"text": "KPS"}, day, valueString="see note"))
    current = day == "2026-10-22"
    assert ("could not be read" in told) == current
    assert ("No current performance status found" in told) == (not current)


@pytest.mark.parametrize(
    ("words", "counts"),
    [
        ("Symptomatic leptomeningeal nodule", True),
        ("Symptomatic lesion", True),
        ("Symptomatic thyroid nodule", False),
        ("Symptomatic lesion of the skin", False),
        ("Symptomatic bone lesion", False),
        ("Asymptomatic leptomeningeal nodule", False),
    ],
)
def test_a_lesion_of_another_organ_is_no_lm_lesion(words: str, counts: bool) -> None:
    lesion = about("Condition", "x", code={"text": words}, recordedDate="2026-11-01")
    assert (("focal-radiotherapy", "info") in opened(*WHOLE, lesion)) == counts


@pytest.mark.parametrize(
    ("name", "value", "counts"),
    [
        ("NANO", {"valueInteger": 3}, True),
        ("NANO", {}, True),
        ("Neurologic Assessment in Neuro-Oncology", {"valueInteger": 3}, True),
        ("NANO", {"dataAbsentReason": {"text": "not performed"}}, False),
        ("NANO", {"valueString": "Not assessed"}, False),
        ("nano", {"valueInteger": 3}, False),
    ],
)
def test_a_scorecard_that_was_left_out_is_none(
    name: str, value: dict[str, Any], counts: bool
) -> None:
    card = observed("s", {"text": name}, "2026-11-01", **value)
    found = opened(*WHOLE, requested("m", "osimertinib"), card)
    assert (("follow-up-scorecard", "info") not in found) == counts


def test_a_letter_that_is_not_known_names_what_is_missing_in_the_summary() -> None:
    """Two missing statements once made the summary too long; the title alone stood there."""
    silent = [{**study, "conclusion": "Degenerative change."} for study in (BRAIN, SPINE)]
    found = summaries(*WHOLE[:4], *silent, KPS)
    told = (
        "letter not determinable (missing - statement on the leptomeninges in MRI brain and 1 more)"
    )
    assert told in found


def test_no_card_names_a_dose_of_a_drug() -> None:
    for name, found in SERVICES["lm-patient-view"].catalogue.recommendations.items():
        variants = " ".join(
            f"{v.summary} {v.why} {' '.join(v.options)}" for v in found.variants.values()
        )
        text = f"{variants} {found.sources_disagree or ''} {found.limits or ''} {found.explanation}"
        assert not re.search(r"\d ?mg\b", text), name


@pytest.mark.parametrize(("status", "told"), [("registered", True), ("final", False)])
def test_type_ii_names_its_sample_and_a_pending_one(status: str, told: bool) -> None:
    negative = {**CYTOLOGY, "id": "old", "conclusion": "No malignant cells seen."}
    negative["effectiveDateTime"] = "2026-11-02"
    newer = {**CYTOLOGY, "status": status, "conclusion": "No malignant cells seen."}
    chart = (BREAST, HER2, LM, negative, newer, BRAIN, SPINE, KPS)
    assert "type IIA" in summaries(*chart)
    assert ("A CSF cytology is pending" in " ".join(details(*chart).values())) == told
    assert ("Inputs dated CSF 2 Nov 2026" in summaries(*chart)) == told


@pytest.mark.parametrize("failed", [(), (REPORTS,), (OBSERVATIONS,)])
def test_the_type_says_that_results_were_not_all_read(failed: tuple[Failure, ...]) -> None:
    told = " ".join(details(*WHOLE, failures=failed).values())
    remark = "Reports or observations could not be read completely"
    assert (remark in told) is bool(failed)
