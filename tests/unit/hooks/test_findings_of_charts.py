"""What each recommendation finds in a chart, which entries it rests on, and what is missing.

The lines of `findings_of_charts.yaml` were read against the specification one by one.
"""

from __future__ import annotations

from typing import Any

import pytest

from hooks.record import Failure
from tests.unit.hooks.findings import expected, lines
from tests.unit.hooks.records import (
    BREAST,
    ICD,
    LM,
    LOINC,
    PATIENT,
    SNOMED,
    about,
    coded,
    mri,
    observed,
    ordered,
    problem,
    procedure,
    record,
    report,
    requested,
)
from tests.unit.hooks.test_findings_of_orders import BLOCK, FLOW, HYDROCEPHALUS, inr, platelets

Json = dict[str, Any]
CSF = {"text": "CSF cytology"}


def cytology(words: str, day: str = "2026-11-10", own_id: str = "csf", **members: Any) -> Json:
    return report(own_id, CSF, words, effectiveDateTime=day, **members)


def optimal(words: str, day: str, own_id: str) -> Json:
    return cytology(f"{words} Volume 12 mL. Processed within 20 minutes.", day, own_id)


POSITIVE, NEGATIVE = "Malignant cells present.", "No malignant cells seen."
UNDATED = report("csf", CSF, POSITIVE, effectiveDateTime=None)
SHORT = observed("le", {"text": "Prognosis"}, valueString="days to weeks")
DIPLOPIA = problem("s", coded(ICD, "H53.2"), recordedDate="2026-11-15")
HEADACHE = problem("ha", coded(ICD, "R51.9"), recordedDate="2026-11-10")
CAUDA = problem("ce", coded(ICD, "G83.4"), recordedDate="2026-11-15")
COLON = about("Condition", "cancer", code=coded(ICD, "C18.9"), recordedDate="2024-01-01")
BRAIN = mri("brain", "Linear leptomeningeal enhancement.")
SPINE = mri("whole spine", "No leptomeningeal enhancement.")
NORMAL = mri("brain", "No leptomeningeal enhancement.")
SILENT = mri("brain", "Degenerative changes.")
OLD_SPINE = mri("whole spine", "No leptomeningeal enhancement.", "2026-05-01")
NODULAR_SPINE = mri("whole spine", "Nodular leptomeningeal enhancement.")
KPS = observed("kps", coded(LOINC, "89243-0"), valueInteger=80)
ECOG = observed("ecog", coded(LOINC, "89247-1"), valueInteger=2)
HER2 = problem("her2", coded(SNOMED, "431396003"), recordedDate="2024-01-02")
LUNG = about("Condition", "cancer", code={"text": "Lung adenocarcinoma"})
EGFR = report("mol", {"text": "EGFR"}, "Exon 19 deletion detected.")
PROBABLE = about("Condition", "lm", code={"text": "Probable leptomeningeal metastasis"})
REFUTED = {**LM, "verificationStatus": coded("x", "refuted"), "recordedDate": "2026-11-14"}
SUSPECTED = {**LM, "verificationStatus": coded("x", "provisional")}
PATIENT_WITHOUT_AGE = {"resourceType": "Patient", "id": "p"}
CHILD = {**PATIENT, "birthDate": "2015-01-01"}
SCORECARD = observed("n", {"text": "NANO scale"}, valueInteger=2)
OSIMERTINIB = requested("m", "osimertinib")
NAUSEA = problem("nv", coded(ICD, "R11.2"), recordedDate="2026-11-18")
CISPLATIN = about(
    "MedicationAdministration",
    "cis",
    status="completed",
    medicationCodeableConcept={"text": "cisplatin"},
    effectiveDateTime="2026-11-16",
)
CORD = problem("cord", {"text": "Spinal cord compression"})
ESTABLISHED = (BREAST, HER2, LM, BRAIN, SPINE, KPS)

CHARTS: dict[str, tuple[Json, ...]] = {
    "established": ESTABLISHED,
    "established with cytology": (*ESTABLISHED, cytology(POSITIVE)),
    "probable": (BREAST, PROBABLE),
    "probable with positive cytology": (BREAST, PROBABLE, cytology(POSITIVE)),
    "confirmed without anything": (BREAST, LM),
    "normal brain, no spine": (BREAST, LM, NORMAL),
    "spine alone": (BREAST, LM, SPINE),
    "brain silent on the meninges": (BREAST, LM, SILENT, SPINE),
    "newest brain silent, older normal": (
        BREAST,
        LM,
        SILENT,
        mri("brain", "No leptomeningeal enhancement.", "2026-09-01"),
        SPINE,
    ),
    "old MRI": (BREAST, LM, mri("brain", "Linear leptomeningeal enhancement.", "2026-06-01")),
    "MRI ordered": (BREAST, LM, ordered("MRI brain and whole spine", "2026-11-20")),
    "linear brain, nodular spine": (BREAST, LM, KPS, BRAIN, NODULAR_SPINE, cytology(POSITIVE)),
    "normal neuraxis": (BREAST, LM, KPS, NORMAL, SPINE, cytology(POSITIVE)),
    "normal neuraxis, hydrocephalus": (
        *(BREAST, LM, KPS, NORMAL, SPINE, HYDROCEPHALUS),
        cytology(POSITIVE),
    ),
    "type I with hydrocephalus": (*ESTABLISHED, HYDROCEPHALUS, cytology(POSITIVE)),
    "flow obstructed": (*ESTABLISHED, cytology(POSITIVE), BLOCK),
    "flow open": (*ESTABLISHED, cytology(POSITIVE), FLOW),
    "flow outdated": (
        *(*ESTABLISHED, cytology(POSITIVE), FLOW),
        procedure("rt", {"text": "Whole brain radiotherapy"}, performedDateTime="2026-11-15"),
    ),
    "flow inconclusive": (
        *(*ESTABLISHED, cytology(POSITIVE)),
        report("flow", coded(LOINC, "42386-3"), "See images."),
    ),
    "ECOG 2": (BREAST, LM, ECOG),
    "ECOG 3": (BREAST, LM, {**ECOG, "valueInteger": 3}),
    "ECOG 1": (BREAST, LM, {**ECOG, "valueInteger": 1}),
    "KPS 60": (BREAST, LM, {**KPS, "valueInteger": 60}),
    "KPS 70, short life expectancy": (BREAST, LM, {**KPS, "valueInteger": 70}, SHORT),
    "KPS 60, short life expectancy": (BREAST, LM, {**KPS, "valueInteger": 60}, SHORT),
    "KPS unreadable": (BREAST, LM, observed("kps", coded(LOINC, "89243-0"), valueString="good")),
    "lung without results": (LUNG, LM),
    "lung with EGFR, treated": (LUNG, LM, KPS, EGFR, OSIMERTINIB),
    "lung with EGFR, in time": (LUNG, LM, KPS, EGFR, OSIMERTINIB, SCORECARD),
    "scorecard overdue": (
        *(LUNG, LM, OSIMERTINIB, BRAIN, cytology(POSITIVE, "2026-10-30")),
        {**SCORECARD, "effectiveDateTime": "2026-06-01"},
    ),
    "newest and older studies, treated": (
        *(LUNG, LM, OSIMERTINIB, UNDATED, cytology(NEGATIVE, "2026-10-30", "c1")),
        *(BRAIN, mri("brain", "No leptomeningeal enhancement.", "2026-09-01")),
    ),
    "undated positive cytology": (LUNG, LM, OSIMERTINIB, UNDATED),
    "small-cell lung cancer": (
        about("Condition", "cancer", code={"text": "Small cell lung cancer"}),
        LM,
    ),
    "cord compression": (BREAST, LM, CORD),
    "cauda equina, established": (BREAST, LM, CAUDA),
    "CSF and MRI far apart": (*ESTABLISHED, cytology(POSITIVE, "2026-09-01")),
    "CSF near the newest MRI alone": (
        *(*ESTABLISHED, cytology(POSITIVE)),
        mri("brain", "Linear leptomeningeal enhancement.", "2026-09-01"),
        mri("whole spine", "No leptomeningeal enhancement.", "2026-09-01"),
    ),
    "awaited cytology, established": (*ESTABLISHED, cytology("", status="registered")),
    "uncoded positive": (BREAST, cytology(POSITIVE)),
    "uncoded positive without cancer": (cytology(POSITIVE),),
    "diplopia": (BREAST, DIPLOPIA),
    "headache": (BREAST, HEADACHE),
    "diplopia, colon cancer": (COLON, DIPLOPIA),
    "diplopia, metastatic colon cancer": (
        *(COLON, DIPLOPIA),
        problem("m", coded(ICD, "C78.7")),
    ),
    "cauda equina": (BREAST, CAUDA, HEADACHE),
    "cauda equina, sampled": (BREAST, CAUDA, cytology(NEGATIVE)),
    "cauda equina, sample awaited": (BREAST, CAUDA, cytology("", status="registered")),
    "cauda equina, MRI of both": (BREAST, CAUDA, NORMAL, SPINE),
    "cauda equina, old MRI of the spine": (BREAST, CAUDA, NORMAL, OLD_SPINE),
    "cauda equina, MRI of the brain alone": (BREAST, CAUDA, NORMAL),
    "linear MRI alone": (BREAST, BRAIN),
    "nausea after cisplatin": (BREAST, NAUSEA, CISPLATIN),
    "nausea": (BREAST, NAUSEA),
    "diplopia, puncture ordered": (BREAST, DIPLOPIA, ordered("Lumbar puncture", "2026-11-20")),
    "diplopia, cytology awaited": (BREAST, DIPLOPIA, cytology("", status="registered")),
    "diplopia, MRI ordered": (
        *(BREAST, DIPLOPIA),
        ordered("MRI brain and whole spine", "2026-11-20"),
    ),
    "diplopia, low platelets": (BREAST, DIPLOPIA, platelets(10)),
    "one negative sample": (BREAST, DIPLOPIA, cytology(NEGATIVE)),
    "one negative sample, typical MRI": (BREAST, DIPLOPIA, BRAIN, cytology(NEGATIVE)),
    "one negative sample, laboratory": (
        *(BREAST, DIPLOPIA, NORMAL, cytology(NEGATIVE)),
        platelets(45),
        inr(1.2),
    ),
    "one negative sample, low platelets": (BREAST, DIPLOPIA, cytology(NEGATIVE), platelets(10)),
    "one equivocal sample": (BREAST, DIPLOPIA, cytology("Atypical cells.")),
    "two negative samples": (
        *(BREAST, DIPLOPIA, cytology(NEGATIVE, "2026-11-02", "c1")),
        cytology(NEGATIVE),
    ),
    "two samples, one optimal": (
        *(BREAST, DIPLOPIA, BRAIN, cytology(NEGATIVE, "2026-11-02", "c1")),
        optimal(NEGATIVE, "2026-11-10", "c2"),
    ),
    "two samples, one equivocal and optimal": (
        *(BREAST, DIPLOPIA, cytology(NEGATIVE, "2026-11-02", "c1")),
        optimal("Atypical cells.", "2026-11-10", "c2"),
    ),
    "two samples, nothing typical": (
        *(BREAST, HEADACHE, NORMAL, SPINE, cytology(NEGATIVE, "2026-11-02", "c1")),
        optimal(NEGATIVE, "2026-11-10", "c2"),
    ),
    "refuted": (BREAST, HEADACHE, REFUTED),
    "refuted, then diplopia": (BREAST, DIPLOPIA, REFUTED),
    "suspected": (BREAST, SUSPECTED, cytology(NEGATIVE)),
    "child": (CHILD, BREAST, DIPLOPIA),
    "no date of birth": (PATIENT_WITHOUT_AGE, BREAST, DIPLOPIA),
    "hospice": (BREAST, DIPLOPIA, problem("h", {"text": "Hospice care"})),
    "no cancer": (DIPLOPIA,),
    "leukaemia": (problem("heme", coded(ICD, "C91.00")), DIPLOPIA),
}
EXPECTED = expected("findings_of_charts.yaml")


@pytest.mark.parametrize(
    ("chart", "recommendation"), [(name, each) for name, held in EXPECTED.items() for each in held]
)
def test_what_is_found_in_a_chart(chart: str, recommendation: str) -> None:
    found = record(*CHARTS[chart])
    assert lines("lm-patient-view", recommendation, found) == EXPECTED[chart][recommendation]


def test_every_chart_is_expected_something() -> None:
    assert set(CHARTS) == set(EXPECTED)


UNREAD = expected("findings_of_unread_charts.yaml")


@pytest.mark.parametrize(
    ("category", "recommendation"), [(name, each) for name, held in UNREAD.items() for each in held]
)
def test_what_is_found_where_a_category_could_not_be_read(
    category: str, recommendation: str
) -> None:
    held = (BREAST, LM, OSIMERTINIB) if recommendation in ESTABLISHED_ONLY else (BREAST, DIPLOPIA)
    found = record(*held, failures=[Failure(category, "timeout")])
    assert lines("lm-patient-view", recommendation, found) == UNREAD[category][recommendation]


ESTABLISHED_ONLY = frozenset(
    {
        "neuraxis-mri-missing",
        "eano-classification",
        "record-kps",
        "molecular-result-missing",
        "follow-up-scorecard",
    }
)
