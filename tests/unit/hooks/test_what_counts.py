"""Which entries count, by status, date and wording, and which of several decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hooks import SERVICES
from hooks.readings.chart import Chart
from tests.charts.vocabulary import RXNORM
from tests.unit.hooks.records import (
    BREAST,
    ICD,
    INTRATHECAL,
    LOINC,
    SNOMED,
    about,
    chart,
    coded,
    observed,
    order,
    problem,
    procedure,
    record,
    report,
    requested,
    signed,
)

Json = dict[str, Any]
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


def status(name: str) -> Json:
    return {"verificationStatus": coded(VERIFICATION, name)}


def clinical(name: str) -> Json:
    return {"clinicalStatus": coded("x", name)}


def allergy(**members: Any) -> Json:
    own = {"resourceType": "AllergyIntolerance", "id": "a", "patient": {"reference": "Patient/p"}}
    return {**own, "code": {"text": "methotrexate"}, **members}


@pytest.mark.parametrize(
    ("members", "severe"),
    [
        ({}, True),
        (status("confirmed"), True),
        (status("entered-in-error"), None),
        (status("refuted"), None),
        (clinical("active"), True),
        (clinical("inactive"), None),
        (clinical("resolved"), None),
        ({"criticality": "high"}, True),
        ({"criticality": "low"}, False),
        ({"criticality": "unable-to-assess"}, True),
        ({"reaction": [{"severity": "mild"}]}, False),
        ({"reaction": [{"severity": "mild"}, {"severity": "severe"}]}, True),
        ({"reaction": [{"severity": "severe"}], "criticality": "low"}, True),
        ({"reaction": [{"manifestation": [{"text": "Anaphylaxis"}]}], "criticality": "low"}, True),
        (
            {"reaction": [{"manifestation": [{"text": "No anaphylaxis"}], "severity": "mild"}]},
            False,
        ),
        ({"reaction": [{"manifestation": [{"text": "Rash"}]}], "criticality": "low"}, False),
        ({"code": {"text": "penicillin"}}, None),
    ],
)
def test_methotrexate_allergy(members: Json, severe: bool | None) -> None:
    found = chart(allergy(**members)).methotrexate_allergy
    assert (found and found[0]) == severe


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_allergies_the_severe_one_counts(turned: bool) -> None:
    both = [allergy(id="mild", criticality="low"), allergy(id="severe", criticality="high")]
    found = chart(*(reversed(both) if turned else both)).methotrexate_allergy
    assert found is not None
    assert (found[0], found[1].reference) == (True, "AllergyIntolerance/severe")


PRESENT: dict[str, tuple[Json, Callable[[Chart], Any]]] = {
    "symptom": (coded(ICD, "H53.2"), lambda c: c.symptoms),
    "infection": (coded(ICD, "G00.9"), lambda c: c.infection),
    "third-space fluid": ({"text": "Ascites"}, lambda c: c.third_space),
    "leukoencephalopathy": ({"text": "Leukoencephalopathy"}, lambda c: c.leukoencephalopathy),
    "dialysis": (coded(ICD, "N18.6"), lambda c: c.dialysis),
    "hydrocephalus": (coded(ICD, "G91.1"), lambda c: c.hydrocephalus),
    "hospice": ({"text": "Hospice care"}, lambda c: c.hospice),
    "focal lesion": ({"text": "Spinal cord compression"}, lambda c: c.focal_lesion),
    "shunt": (coded(ICD, "Z98.2"), lambda c: c.shunt and c.shunt.status.value != "none"),
}
ENDED = (
    status("entered-in-error"),
    status("refuted"),
    clinical("inactive"),
    clinical("remission"),
    clinical("resolved"),
    {"abatementDateTime": "2026-11-01"},
    {"abatementString": "last week"},
    {"abatementAge": {"value": 56, "unit": "a"}},
    {"abatementPeriod": {"end": "2026-11-01"}},
)
STANDING: tuple[Json, ...] = (
    {},
    status("confirmed"),
    status("provisional"),
    status("unconfirmed"),
    clinical("active"),
    clinical("recurrence"),
    {"abatementString": ""},
)


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize("members", ENDED, ids=str)
def test_a_problem_that_ended_or_never_was_does_not_count(name: str, members: Json) -> None:
    code, read = PRESENT[name]
    assert not read(chart(problem("c", code, **members)))


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize("members", STANDING, ids=str)
def test_a_standing_problem_counts_also_as_suspected(name: str, members: Json) -> None:
    code, read = PRESENT[name]
    assert read(chart(problem("c", code, **members)))


@pytest.mark.parametrize(
    ("members", "counts"),
    [
        ({}, True),
        (clinical("resolved"), True),
        (status("confirmed"), True),
        (status("provisional"), False),
        (status("refuted"), False),
        (status("entered-in-error"), False),
    ],
)
def test_a_past_cancer_counts_and_a_doubtful_one_does_not(members: Json, counts: bool) -> None:
    assert bool(chart({**BREAST, **members}).malignancies.entries) is counts


FINALS = ("final", "amended", "corrected", "appended")
OTHERS = ("registered", "preliminary", "cancelled", "entered-in-error", "unknown")
KPS, ECOG = coded(LOINC, "89243-0"), coded(LOINC, "89247-1")
MEASURED: dict[str, tuple[Json, Callable[[Chart], Any]]] = {
    "symptom": (
        observed("o", {"text": "Double vision"}, valueBoolean=True),
        lambda c: c.symptoms,
    ),
    "KPS": (observed("o", KPS, valueInteger=80), lambda c: c.score("kps")),
    "unreadable KPS": (observed("o", KPS, valueString="good"), lambda c: c.unreadable_score),
    "platelets": (
        observed("o", coded(LOINC, "777-3"), valueQuantity={"value": 150, "code": "10*3/uL"}),
        lambda c: c.laboratory("platelets"),
    ),
    "life expectancy": (
        observed("o", {"text": "Prognosis"}, valueString="days to weeks"),
        lambda c: c.life_expectancy,
    ),
    "scorecard": (observed("o", {"text": "NANO scale"}, valueInteger=1), lambda c: c.scorecard),
    "examination": (
        observed("o", {"text": "Neurological examination"}),
        lambda c: c.neurological_examination,
    ),
    "flow study": (
        observed("o", coded(LOINC, "42386-3"), valueString="Normal CSF flow"),
        lambda c: c.flow,
    ),
    "shunt": (observed("o", {"text": "VP shunt"}, valueBoolean=True), lambda c: c.shunt),
    "no shunt": (observed("o", {"text": "VP shunt"}, valueBoolean=False), lambda c: c.shunt),
    "marker report": (
        report("o", {"text": "EGFR"}, "Exon 19 deletion detected."),
        lambda c: c.markers,
    ),
    "marker named": (report("o", {"text": "EGFR"}, "EGFR: see text."), lambda c: c.unclear_markers),
}


@pytest.mark.parametrize("name", MEASURED)
def test_only_final_results_count(name: str) -> None:
    resource, read = MEASURED[name]
    for final in FINALS:
        assert read(chart({**resource, "status": final})), final
    for other in OTHERS:
        assert not read(chart({**resource, "status": other})), other


def kps(own_id: str, day: str, **value: Any) -> Json:
    return observed(own_id, KPS, effectiveDateTime=day, **value)


@pytest.mark.parametrize(
    ("value", "score"),
    [
        ({"valueInteger": 0}, 0),
        ({"valueInteger": 100}, 100),
        ({"valueInteger": 101}, None),
        ({"valueInteger": -1}, None),
        ({"valueQuantity": {"value": -0.5}}, None),
        ({"valueQuantity": {"value": 0.8}}, None),
        ({"valueQuantity": {"value": 1}}, 1),
        ({"valueQuantity": {"value": 69.9}}, 69),
        ({"valueQuantity": {"value": 70, "comparator": "<"}}, 69),
        ({"valueQuantity": {"value": 70, "comparator": ">"}}, 70),
        ({"valueString": "KPS 80"}, 80),
        ({"valueString": "80-90"}, 80),
        ({"valueString": "60-80"}, None),
        ({"valueString": "<70"}, 69),
        ({"valueString": "good"}, None),
        ({"valueCodeableConcept": coded(LOINC, "LA29178-3")}, 70),
    ],
)
def test_the_value_of_a_kps(value: Json, score: int | None) -> None:
    found = chart(kps("k", "2026-11-12", **value))
    told = found.score("kps")
    assert (told and told.value) == score
    assert found.unreadable_score is (score is None)


@pytest.mark.parametrize(
    ("value", "score"),
    [
        ({"valueInteger": 0}, 0),
        ({"valueInteger": 5}, 5),
        ({"valueInteger": 6}, None),
        ({"valueQuantity": {"value": 0.5}}, 1),
        ({"valueQuantity": {"value": 2, "comparator": ">"}}, 3),
        ({"valueString": "ECOG 1-2"}, 2),
        ({"valueString": "1-3"}, None),
    ],
)
def test_the_value_of_an_ecog(value: Json, score: int | None) -> None:
    told = chart(observed("e", ECOG, **value)).score("ecog")
    assert (told and told.value) == score


@pytest.mark.parametrize("turned", [False, True])
def test_the_newest_score_counts_and_of_one_day_the_worse(turned: bool) -> None:
    def score(scale: str, *entries: Json) -> int:
        found = chart(*(reversed(entries) if turned else entries)).score(scale)
        assert found is not None
        return found.value

    old, new = kps("a", "2026-11-01", valueInteger=40), kps("b", "2026-11-12", valueInteger=80)
    assert score("kps", old, new) == 80
    assert score("kps", new, kps("c", "2026-11-12", valueInteger=60)) == 60
    mild, poor = (observed(f"e{n}", ECOG, valueInteger=n) for n in (1, 3))
    assert score("ecog", mild, poor) == 3


@pytest.mark.parametrize(("day", "counts"), [("2026-10-22", True), ("2026-10-21", False)])
def test_a_score_is_current_for_30_days(day: str, counts: bool) -> None:
    found = chart(kps("k", day, valueInteger=80))
    assert (found.score("kps") is not None) is counts
    assert chart(kps("k", day, valueString="good")).unreadable_score is counts


@pytest.mark.parametrize("turned", [False, True])
def test_the_newest_life_expectancy_counts_and_of_one_day_the_shorter(turned: bool) -> None:
    def days(*told: tuple[str, str, float]) -> float:
        entries = [
            observed(
                own_id,
                {"text": "Prognosis"},
                effectiveDateTime=day,
                valueQuantity={"value": value, "unit": "d"},
            )
            for own_id, day, value in (reversed(told) if turned else told)
        ]
        found = chart(*entries).life_expectancy
        assert found is not None
        return found.days

    assert days(("a", "2026-11-01", 10), ("b", "2026-11-12", 90)) == 90
    assert days(("a", "2026-11-12", 10), ("b", "2026-11-12", 90)) == 10


def test_an_empty_scorecard_is_none_and_the_newest_counts() -> None:
    nano = {"text": "NANO scale"}
    empty = observed("n", nano, dataAbsentReason={"text": "not asked"})
    unassessed = observed("n", nano, valueString="not assessed")
    assert chart(empty).scorecard is None
    assert chart(unassessed).scorecard is None
    days = ("2026-10-12", "2026-11-12", "2026-09-12")
    cards = [observed(day, nano, effectiveDateTime=day, valueInteger=1) for day in days]
    found = chart(*cards).scorecard
    assert found is not None
    assert found.days == 9


def diplopia(own_id: str, day: str, present: bool) -> Json:
    return observed(own_id, {"text": "Double vision"}, effectiveDateTime=day, valueBoolean=present)


@pytest.mark.parametrize(
    ("positive", "negative", "counts"),
    [
        ("2026-11-10", "2026-11-12", False),
        ("2026-11-12", "2026-11-12", True),
        ("2026-11-12", "2026-11-10", True),
    ],
)
def test_a_later_denial_ends_a_finding(positive: str, negative: str, counts: bool) -> None:
    yes, no = diplopia("y", positive, True), diplopia("n", negative, False)
    assert bool(chart(yes, no).symptoms) is counts
    assert bool(chart(no, yes).symptoms) is counts


@pytest.mark.parametrize("value", [{}, {"valueString": "see the note"}])
def test_a_later_entry_that_says_nothing_ends_no_finding(value: Json) -> None:
    yes = diplopia("y", "2026-11-10", True)
    later = observed("n", {"text": "Double vision"}, effectiveDateTime="2026-11-12", **value)
    assert [symptom.source.reference for symptom in chart(yes, later).symptoms] == ["Observation/y"]
    assert not chart(later).symptoms
    undated = {name: v for name, v in yes.items() if name != "effectiveDateTime"}
    assert not chart(undated).symptoms


def test_the_newest_of_several_positive_findings_is_cited() -> None:
    found = chart(*(diplopia(d, d, True) for d in ("2026-10-01", "2026-11-12", "2026-09-01")))
    (symptom,) = found.symptoms
    assert (symptom.days, symptom.source.reference) == (9, "Observation/2026-11-12")


@pytest.mark.parametrize(
    ("onset", "recorded", "days"),
    [
        ("2026-11-01", "2026-11-12", 9),
        ("2026-11-12", "2026-11-01", 9),
        ("2026-12-24", "2026-11-01", 20),
        (None, "2026-11-12", 9),
        ("2026-11-12", None, 9),
        ("2026-12-24", None, None),
        (None, None, None),
    ],
)
def test_the_day_of_a_symptom(onset: str | None, recorded: str | None, days: int | None) -> None:
    entry = problem("s", coded(ICD, "H53.2"), onsetDateTime=onset, recordedDate=recorded)
    found = chart(entry).symptoms
    assert [symptom.days for symptom in found] == ([] if days is None else [days])


@pytest.mark.parametrize(
    ("onset", "cancer", "counts"),
    [
        ("2026-08-22", "2026-09-01", False),
        ("2026-08-23", "2026-09-01", True),
        ("2026-08-01", "2026-09-01", False),
        ("2026-08-01", "2026-08-01", True),
        ("2026-08-01", "2026-07-31", True),
        ("2026-08-01", None, True),
    ],
)
def test_a_symptom_from_before_the_cancer_is_chronic_after_90_days(
    onset: str, cancer: str | None, counts: bool
) -> None:
    headache = problem("h", coded(ICD, "R51.9"), onsetDateTime=onset)
    assert bool(chart({**BREAST, "recordedDate": cancer}, headache).symptoms) is counts


def test_numbness_that_chemotherapy_explains_is_none() -> None:
    numb = problem("n", {"text": "Numbness of both feet"})
    assert chart(numb).symptoms
    assert not chart({**numb, "note": [{"text": "chemotherapy-induced"}]}).symptoms
    explained = problem("c", {"text": "Chemotherapy-induced peripheral neuropathy"})
    assert not chart(numb, explained).symptoms
    assert chart(numb, {**explained, **clinical("resolved")}).symptoms
    both = (numb, explained, problem("d", coded(ICD, "H53.2")))
    assert [symptom.code for symptom in chart(*both).symptoms] == ["diplopia"]


def lm(own_id: str, day: str, **members: Any) -> Json:
    return problem(own_id, coded(ICD, "C79.32"), recordedDate=day, **members)


@pytest.mark.parametrize(
    ("entries", "decisive"),
    [
        ((lm("c", "2026-01-01"), lm("s", "2026-11-01", **status("provisional"))), "c"),
        (
            (
                lm("s", "2026-11-01", **status("provisional")),
                lm("r", "2026-10-01", **status("refuted")),
            ),
            "s",
        ),
        (
            (
                lm("s", "2026-10-01", **status("provisional")),
                lm("r", "2026-11-01", **status("refuted")),
            ),
            "r",
        ),
        (
            (
                lm("s", "2026-11-01", **status("provisional")),
                lm("r", "2026-11-01", **status("refuted")),
            ),
            "s",
        ),
        (
            (problem("p", {"text": "Probable leptomeningeal metastasis"}), lm("c", "2026-01-01")),
            "c",
        ),
        (
            (
                problem("p", {"text": "Probable leptomeningeal metastasis"}),
                lm("r", "2026-11-20", **status("refuted")),
            ),
            "p",
        ),
    ],
)
def test_the_entry_of_lm_that_decides(entries: tuple[Json, ...], decisive: str) -> None:
    for given in (entries, entries[::-1]):
        found = chart(*given).lm_entry
        assert found is not None
        assert found.source.reference == f"Condition/{decisive}"


@pytest.mark.parametrize(
    ("members", "counts"),
    [
        ({}, True),
        (clinical("remission"), True),
        (clinical("inactive"), False),
        (clinical("resolved"), False),
        (status("entered-in-error"), False),
        ({**status("refuted"), **clinical("inactive")}, True),
    ],
)
def test_which_entries_of_lm_count(members: Json, counts: bool) -> None:
    assert (chart(lm("c", "2026-11-01", **members)).lm_entry is not None) is counts


@pytest.mark.parametrize(
    ("members", "days"),
    [
        ({"recordedDate": "2026-11-01", "onsetDateTime": "2026-10-01"}, 20),
        ({"recordedDate": None, "onsetDateTime": "2026-11-01"}, 20),
        (
            {**status("refuted"), "recordedDate": "2026-10-01", "abatementDateTime": "2026-11-01"},
            20,
        ),
        ({**status("refuted"), "recordedDate": "2026-11-01"}, 20),
        ({**status("refuted"), "recordedDate": None, "onsetDateTime": "2026-11-01"}, None),
    ],
)
def test_the_day_of_an_entry_of_lm(members: Json, days: int | None) -> None:
    found = chart(problem("c", coded(ICD, "C79.32"), **members)).lm_entry
    assert found is not None
    assert found.days == days


REQUESTS: dict[str, tuple[str, Callable[[Chart], Any]]] = {
    "antithrombotic": ("apixaban", lambda c: c.antithrombotics),
    "interacting": ("ibuprofen", lambda c: c.interacting),
    "treatment of LM": ("osimertinib", lambda c: c.lm_treatment),
}


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize(
    ("members", "counts"),
    [
        ({"status": "active"}, True),
        ({"status": "draft"}, False),
        ({"status": "on-hold"}, False),
        ({"status": "stopped"}, False),
        ({"status": "cancelled"}, False),
        ({"status": "completed"}, False),
        ({"status": "entered-in-error"}, False),
        ({"status": "active", "doNotPerform": True}, False),
    ],
)
def test_only_active_requests_are_standing_drugs(name: str, members: Json, counts: bool) -> None:
    drug, read = REQUESTS[name]
    assert bool(read(chart(requested("m", drug, **members)))) is counts


def test_a_heparin_flush_thins_no_blood() -> None:
    assert chart(requested("m", "heparin")).antithrombotics
    assert not chart(requested("m", "heparin lock flush")).antithrombotics
    flush = [{"text": "flush the catheter"}]
    assert not chart(requested("m", "heparin", dosageInstruction=flush)).antithrombotics


def test_a_coded_ingredient_without_a_name_makes_the_drug() -> None:
    apixaban, other = (coded(RXNORM, code) for code in ("1364430", "0"))
    for concept, thins in ((apixaban, True), (other, False)):
        ingredient = [{"itemCodeableConcept": concept}]
        medication = {"resourceType": "Medication", "id": "m", "ingredient": ingredient}
        order = requested(
            "r",
            "",
            medicationCodeableConcept=None,
            medicationReference={"reference": "#m"},
            contained=[medication],
        )
        assert bool(chart(order).antithrombotics) is thins


@pytest.mark.parametrize(
    ("drug", "dosage", "shown"),
    [
        ("osimertinib", {}, "osimertinib"),
        ("methotrexate", INTRATHECAL, "intrathecal methotrexate"),
        ("methotrexate", {}, None),
        ("cytarabine", INTRATHECAL, "intrathecal cytarabine"),
        ("cytarabine", {}, None),
        ("hydrocortisone", INTRATHECAL, None),
        ("vincristine", INTRATHECAL, None),
    ],
)
def test_the_treatment_of_lm_in_our_words(drug: str, dosage: Json, shown: str | None) -> None:
    found = chart(requested("m", drug, dosageInstruction=[dosage])).lm_treatment
    assert [source.value for source in found] == ([shown] if shown else [])


@pytest.mark.parametrize(
    ("drug", "orders"),
    [
        ("methotrexate", 1),
        ("vincristine", 1),
        ("osimertinib", 1),
        ("cytarabine", 1),
        ("metformin", 0),
        ("", 0),
    ],
)
def test_only_orders_of_drugs_that_some_rule_asks_about_are_read(drug: str, orders: int) -> None:
    assert len(chart(requested("m", drug)).server_orders) == orders


def administered(own_id: str, drug: str, **members: Any) -> Json:
    own = {"status": "completed", "effectiveDateTime": "2026-11-12"}
    concept = {"medicationCodeableConcept": {"text": drug}}
    return about("MedicationAdministration", own_id, **{**own, **concept, **members})


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ("completed", True),
        ("in-progress", True),
        ("not-done", False),
        ("stopped", False),
        ("on-hold", False),
        ("entered-in-error", False),
    ],
)
def test_which_administrations_were_given(given: str, counts: bool) -> None:
    found = chart(
        administered("m", "methotrexate", status=given),
        administered("c", "cisplatin", status=given),
    )
    assert bool(found.methotrexate_given) is counts
    assert bool(found.emetogenic) is counts


def test_the_newest_emetogenic_chemotherapy_is_told() -> None:
    days = ("2026-11-01", "2026-11-12", "2026-10-01")
    doses = [administered(day, "cisplatin", effectiveDateTime=day) for day in days]
    found = chart(*doses, administered("x", "saline", effectiveDateTime="2026-11-20")).emetogenic
    assert found is not None
    assert (found[0], found[1].reference) == (9, "MedicationAdministration/2026-11-12")


def test_dose_and_route_of_an_administration() -> None:
    dosage = {**INTRATHECAL, "dose": {"value": 0.012, "unit": "g"}}
    (full,) = chart(administered("m", "methotrexate", dosage=dosage)).methotrexate_given
    assert (full.route.value, full.dose.milligrams) == ("intrathecal", 12)
    (bare,) = chart(administered("m", "methotrexate")).methotrexate_given
    assert (bare.route.value, bare.dose.milligrams) == ("missing", None)


@pytest.mark.parametrize(
    ("entry", "phase"),
    [
        ({"status": "preparation"}, "planned"),
        ({"status": "on-hold"}, "planned"),
        ({"status": "in-progress"}, "active"),
        ({"status": "completed"}, "completed"),
        ({"status": "stopped"}, "completed"),
        ({"status": "not-done"}, None),
        ({"status": "entered-in-error"}, None),
    ],
)
def test_the_phase_of_radiotherapy(entry: Json, phase: str | None) -> None:
    found = chart(procedure("r", {"text": "Whole brain radiotherapy"}, **entry)).courses
    assert [course.phase.value for course in found] == ([phase] if phase else [])


@pytest.mark.parametrize(
    ("members", "planned"),
    [
        ({"status": "active"}, True),
        ({"status": "on-hold"}, True),
        ({"status": "draft"}, True),
        ({"status": "completed"}, False),
        ({"status": "revoked"}, False),
        ({"status": "active", "doNotPerform": True}, False),
    ],
)
def test_requested_radiotherapy_is_planned(members: Json, planned: bool) -> None:
    own = {"intent": "order", "code": {"text": "Whole brain radiotherapy"}, **members}
    found = chart(about("ServiceRequest", "r", **own)).courses
    assert [course.phase.value for course in found] == (["planned"] if planned else [])


@pytest.mark.parametrize(
    ("words", "sites", "target", "cns"),
    [
        ("Craniospinal irradiation", (), "craniospinal", True),
        ("Whole brain radiotherapy", (), "whole-brain", True),
        ("Radiotherapy", ("Brain", "Spine"), "craniospinal", True),
        ("Radiotherapy", ("Brain",), "other", True),
        ("Radiotherapy", ("Spine",), "other", True),
        ("Radiotherapy", ("Breast",), "other", False),
        ("Radiotherapy of the spine", (), "other", True),
        ("Radiotherapy", (), "other", False),
    ],
)
def test_the_target_of_radiotherapy(
    words: str, sites: tuple[str, ...], target: str, cns: bool
) -> None:
    body = [{"text": site} for site in sites]
    (course,) = chart(procedure("r", {"text": words}, bodySite=body)).courses
    assert (course.target.value, course.is_cns) == (target, cns)


@pytest.mark.parametrize(
    ("entry", "counts"),
    [
        (
            about(
                "ServiceRequest",
                "h",
                status="active",
                intent="order",
                code={"text": "Hospice care"},
            ),
            True,
        ),
        (
            about(
                "ServiceRequest",
                "h",
                status="active",
                intent="proposal",
                code={"text": "Hospice care"},
            ),
            False,
        ),
        (
            about(
                "ServiceRequest", "h", status="draft", intent="order", code={"text": "Hospice care"}
            ),
            False,
        ),
        (
            about(
                "ServiceRequest",
                "h",
                status="active",
                intent="order",
                doNotPerform=True,
                code={"text": "Hospice care"},
            ),
            False,
        ),
        (procedure("h", {"text": "Hospice care"}, status="in-progress"), True),
        (procedure("h", {"text": "Hospice care"}, status="completed"), False),
        (problem("h", {"text": "Hospice declined"}), False),
        (problem("h", {"text": "Palliative care"}), False),
    ],
)
def test_what_shows_hospice_care(entry: Json, counts: bool) -> None:
    assert (chart(entry).hospice is not None) is counts


def molecular(own_id: str, words: str, day: str | None = "2026-11-12") -> Json:
    return report(own_id, {"text": "EGFR"}, words, effectiveDateTime=day)


FOUND, NONE = "Exon 19 deletion detected.", "No EGFR mutation detected."


@pytest.mark.parametrize(
    ("reports", "positive"),
    [
        ((molecular("a", FOUND, "2026-01-01"), molecular("b", NONE)), False),
        ((molecular("a", NONE, "2026-01-01"), molecular("b", FOUND)), True),
        ((molecular("a", NONE), molecular("b", FOUND)), True),
        ((molecular("a", FOUND, None), molecular("b", NONE)), False),
        ((molecular("a", FOUND, None),), True),
        ((molecular("a", FOUND, "2026-12-24"), molecular("b", NONE)), False),
    ],
)
def test_the_result_of_a_marker_that_decides(reports: tuple[Json, ...], positive: bool) -> None:
    for given in (reports, reports[::-1]):
        assert chart(*given).markers["EGFR"].positive is positive


def test_a_measured_marker_beats_a_problem() -> None:
    negative = problem("h", coded(SNOMED, "431396003"), recordedDate="2026-11-20")
    measured = report("m", {"text": "HER2"}, "HER2 positive (3+).")
    assert not chart(negative).markers["HER2"].positive
    assert chart(negative, measured).markers["HER2"].positive


@pytest.mark.parametrize(
    ("members", "counts"),
    [({}, True), (status("provisional"), False), (status("refuted"), False)],
)
def test_a_doubtful_problem_tells_no_marker(members: Json, counts: bool) -> None:
    entry = problem("h", coded(SNOMED, "431396003"), **members)
    assert bool(chart(entry).markers) is counts


def nitrous(kind: str, **members: Any) -> Json:
    own: Json = {"status": "active", "intent": "order"}
    if kind == "ServiceRequest":
        named: Json = {"code": {"text": "Sedation"}, "note": [{"text": "with nitrous oxide"}]}
    else:
        named = {"medicationCodeableConcept": {"text": "nitrous oxide"}}
    return about(kind, "n", **{**own, **named, **members})


@pytest.mark.parametrize("kind", ["MedicationRequest", "ServiceRequest"])
@pytest.mark.parametrize(
    ("members", "planned"),
    [
        ({}, True),
        ({"status": "draft"}, True),
        ({"status": "completed"}, False),
        ({"status": "on-hold"}, False),
        ({"doNotPerform": True}, False),
    ],
)
def test_planned_nitrous_oxide(kind: str, members: Json, planned: bool) -> None:
    found = signed(BREAST, nitrous(kind, **members), orders=[order()])
    assert ("mtx-nitrous-oxide" in {name for name, _ in found}) is planned


@pytest.mark.parametrize(
    ("members", "counts"),
    [
        ({}, True),
        ({"intent": "reflex-order"}, True),
        ({"intent": "proposal"}, False),
        ({"intent": "plan"}, False),
        ({"status": "draft"}, False),
        ({"status": "completed"}, False),
        ({"doNotPerform": True}, False),
        ({"authoredOn": "2026-11-07"}, True),
        ({"authoredOn": "2026-11-06"}, False),
        ({"authoredOn": None}, False),
        ({"code": {"text": "No lumbar puncture"}}, False),
        ({"code": coded(SNOMED, "277762005")}, True),
    ],
)
def test_what_counts_as_an_ordered_puncture(members: Json, counts: bool) -> None:
    own = {"status": "active", "intent": "order", "authoredOn": "2026-11-20"}
    code = {"code": {"text": "Lumbar puncture"}}
    found = chart(about("ServiceRequest", "o", **{**own, **code, **members})).ordered
    assert (found.lumbar_puncture is not None) is counts


@pytest.mark.parametrize(
    ("titles", "counts"),
    [
        (("MRI brain and whole spine",), True),
        (("MRI neuraxis",), True),
        (("MRI brain", "MRI whole spine"), True),
        (("MRI whole spine", "MRI brain"), True),
        (("MRI brain",), False),
        (("MRI whole spine",), False),
    ],
)
def test_what_counts_as_an_ordered_mri_of_the_neuraxis(
    titles: tuple[str, ...], counts: bool
) -> None:
    own = {"status": "active", "intent": "order", "authoredOn": "2026-11-20"}
    requests = [
        about("ServiceRequest", f"o{i}", code={"text": title}, **own)
        for i, title in enumerate(titles)
    ]
    assert (chart(*requests).ordered.neuraxis_mri is not None) is counts


@pytest.mark.parametrize(
    ("results", "value"),
    [
        ((("a", "2026-11-01", 20), ("b", "2026-11-12", 150)), 150),
        ((("a", "2026-11-12", 20), ("b", "2026-11-12", 150)), 20),
        ((("a", "2026-11-12T08:00:00Z", 20), ("b", "2026-11-12T09:00:00Z", 150)), 150),
        ((("a", "2026-11-12T08:00:00Z", 20), ("b", "2026-11-12", 150)), 20),
        ((("a", "2026-11-12", None), ("b", "2026-11-12", 150)), 150),
        ((("a", "2026-11-13", None), ("b", "2026-11-12", 150)), None),
        ((("a", "2026-12-24", 20), ("b", "2026-11-12", 150)), 150),
    ],
)
def test_the_laboratory_result_that_decides(
    results: tuple[tuple[str, str, float | None], ...], value: float | None
) -> None:
    entries = [
        observed(
            own_id,
            coded(LOINC, "777-3"),
            effectiveDateTime=day,
            valueQuantity={"value": count, "code": "10*3/uL"} if count else None,
        )
        for own_id, day, count in results
    ]
    for given in (entries, entries[::-1]):
        found = chart(*given).laboratory("platelets")
        assert found is not None
        assert found.value == value


def test_of_two_inr_of_a_day_the_higher_counts() -> None:
    for pair in ((1.0, 2.0), (2.0, 1.0)):
        entries = [
            observed(f"i{i}", coded(LOINC, "6301-6"), valueQuantity={"value": value, "code": "1"})
            for i, value in enumerate(pair)
        ]
        found = chart(*entries).laboratory("inr")
        assert found is not None
        assert found.value == 2.0


def test_the_age_on_the_planned_day_decides_the_dose() -> None:
    born = {"resourceType": "Patient", "id": "p", "birthDate": "2023-11-23"}
    dose = {"doseAndRate": [{"doseQuantity": {"value": 30, "unit": "mg"}}]}

    def suggested(day: str) -> set[str]:
        draft = order(dosage={**dose, "timing": {"event": [day]}})
        cards = SERVICES["lm-order-sign"].cards(record(born, BREAST, orders=[draft]))
        labels = [s["label"] for card in cards for s in card.body.get("suggestions", ())]
        return {label.split(";")[0] for label in labels if "Change the dose" in label}

    assert suggested("2026-11-22") == {"Change the dose to 10 mg"}
    assert suggested("2026-11-23") == {"Change the dose to 12 mg"}


@pytest.mark.parametrize(
    ("code", "site", "urgent"),
    [
        (coded(SNOMED, "16846261000119106"), "compression of spinal cord or cauda equina", True),
        (coded(SNOMED, "94242004"), "cauda equina", True),
        (coded(SNOMED, "94266005"), "cranial nerve", False),
        ({"text": "Symptomatic leptomeningeal nodule"}, "symptomatic nodule or deposit", False),
    ],
)
def test_where_a_focal_lesion_is_and_how_urgent(code: Json, site: str, urgent: bool) -> None:
    found = chart(problem("f", code)).focal_lesion
    assert found is not None
    assert (found.site, found.urgent, found.source.value) == (site, urgent, site)


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_focal_lesions_the_more_urgent_counts(turned: bool) -> None:
    both = [
        problem("n", coded(SNOMED, "94266005")),
        problem("c", {"text": "Spinal cord compression"}),
    ]
    found = chart(*(reversed(both) if turned else both)).focal_lesion
    assert found is not None
    assert (found.urgent, found.source.reference) == (True, "Condition/c")


@pytest.mark.parametrize(
    ("drug", "label"),
    [
        ("ibuprofen", "NSAID"),
        ("omeprazole", "proton pump inhibitor"),
        ("amoxicillin", "penicillin"),
        ("trimethoprim", "sulfonamide"),
        ("probenecid", "probenecid"),
        ("pemetrexed", "pemetrexed"),
        ("paracetamol", None),
    ],
)
def test_the_class_of_an_interacting_drug(drug: str, label: str | None) -> None:
    found = chart(requested("m", drug)).interacting
    assert [source.label for source in found] == ([label] if label else [])


@pytest.mark.parametrize(
    ("sites", "target", "cns"),
    [
        (("12738006",), "other", True),
        (("61853006",), "other", True),
        (("12738006", "61853006"), "craniospinal", True),
        (("76752008",), "other", False),
    ],
)
def test_the_coded_sites_of_radiotherapy(sites: tuple[str, ...], target: str, cns: bool) -> None:
    body = [coded(SNOMED, site) for site in sites]
    (course,) = chart(procedure("r", coded(SNOMED, "108290001"), bodySite=body)).courses
    assert (course.target.value, course.is_cns) == (target, cns)


def test_a_course_without_code_is_told_by_its_category() -> None:
    bare = procedure("r", {}, category={"text": "Radiotherapy"}, bodySite=[{"text": "Brain"}])
    assert [course.is_cns for course in chart(bare).courses] == [True]
    other = procedure("r", {"text": "Biopsy"}, category={"text": "Radiotherapy"})
    assert chart(other).courses == ()
