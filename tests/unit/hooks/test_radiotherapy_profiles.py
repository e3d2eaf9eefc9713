"""Radiotherapy as the mCODE and CodeX profiles write it (data elements, section 3.6, rt)."""

from __future__ import annotations

from typing import Any

import pytest

from hooks.readings.chart import Chart
from hooks.readings.radiotherapy import Course, Phase, Target
from tests.unit.hooks.records import BREAST, SNOMED, about, coded, opened, order, record, signed

Json = dict[str, Any]
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-radiotherapy"
COURSE = coded(SNOMED, "1217123003")
BRAIN = coded(SNOMED, "12738006")
SPINAL_CANAL = coded(SNOMED, "61853006")
BREAST_SITE = coded(SNOMED, "76752008")
RADIOTHERAPY = {"coding": [{"system": SNOMED, "code": "1287742003",
                            "display": "Radiotherapy (procedure)"}]}  # fmt: skip


def concept(url: str, code: str) -> Json:
    return {"url": f"{MCODE}-{url}", "valueCodeableConcept": coded(SNOMED, code)}


def summary(*sites: Json, **changes: Any) -> Json:
    """A course summary with modality, technique and dose per volume; None removes a member."""
    dose = [
        {"url": "volume", "valueReference": {"reference": "BodyStructure/volume"}},
        {"url": "totalDoseDelivered", "valueQuantity": {"value": 3600, "code": "cGy"}},
        {"url": "fractionsDelivered", "valueUnsignedInt": 20},
    ]
    technique = [concept("modality", "10611004"), concept("technique", "1156530009")]
    members: Json = {
        "meta": {"profile": [f"{MCODE}-course-summary"]},
        "status": "completed",
        "code": COURSE,
        "category": RADIOTHERAPY,
        "performedPeriod": {"start": "2026-09-01", "end": "2026-10-10"},
        "bodySite": list(sites),
        "extension": [
            {"url": f"{MCODE}-modality-and-technique", "extension": technique},
            {"url": f"{MCODE}-dose-delivered-to-volume", "extension": dose},
        ],
    } | changes
    return about("Procedure", "rt", **{k: v for k, v in members.items() if v is not None})


def courses(*resources: Json) -> tuple[Course, ...]:
    return Chart(record(*resources)).courses


@pytest.mark.parametrize("spine", ["61853006", "2748008", "280401006"])
@pytest.mark.parametrize("brain", ["12738006", "280371009"])
def test_brain_and_spine_in_one_summary_are_craniospinal(brain: str, spine: str) -> None:
    found = courses(summary(coded(SNOMED, brain), coded(SNOMED, spine)))
    assert [(c.target, c.phase, c.days) for c in found] == [
        (Target.CRANIOSPINAL, Phase.COMPLETED, 42)
    ]


@pytest.mark.parametrize(
    ("sites", "target", "cns"),
    [
        ([BRAIN], Target.OTHER, True),
        ([SPINAL_CANAL], Target.OTHER, True),
        ([BREAST_SITE], Target.OTHER, False),
        ([], Target.OTHER, False),
        ([{"text": "whole brain"}], Target.WHOLE_BRAIN, True),
        ([BRAIN | {"text": "whole brain"}], Target.WHOLE_BRAIN, True),
        ([{"text": "craniospinal axis"}], Target.CRANIOSPINAL, True),
    ],
)
def test_the_site_decides_about_the_target(sites: list[Json], target: Target, cns: bool) -> None:
    assert [(c.target, c.is_cns) for c in courses(summary(*sites))] == [(target, cns)]


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("preparation", Phase.PLANNED),
        ("on-hold", Phase.PLANNED),
        ("in-progress", Phase.ACTIVE),
        ("stopped", Phase.COMPLETED),
        ("completed", Phase.COMPLETED),
    ],
)
def test_the_status_decides_about_the_phase(status: str, phase: Phase) -> None:
    found = courses(summary(BRAIN, SPINAL_CANAL, status=status))
    assert [course.phase for course in found] == [phase]


@pytest.mark.parametrize("status", ["not-done", "entered-in-error", "unknown"])
def test_what_was_not_done_is_no_course(status: str) -> None:
    assert courses(summary(BRAIN, SPINAL_CANAL, status=status)) == ()


@pytest.mark.parametrize("code", [None, {}, {"coding": []}])
@pytest.mark.parametrize("category", [RADIOTHERAPY, [RADIOTHERAPY], {"text": "Radiotherapy"}])
def test_a_summary_without_code_is_what_its_category_says(code: Any, category: Any) -> None:
    found = courses(summary(BRAIN, SPINAL_CANAL, code=code, category=category))
    assert [course.target for course in found] == [Target.CRANIOSPINAL]


def test_a_procedure_with_a_code_is_not_what_its_category_says() -> None:
    mri = summary(BRAIN, SPINAL_CANAL, code={"text": "MRI for planning"})
    assert courses(mri) == ()


@pytest.mark.parametrize("category", [None, {"text": "Surgical procedure"}, []])
def test_a_procedure_without_code_and_category_is_no_course(category: Any) -> None:
    assert courses(summary(BRAIN, SPINAL_CANAL, code=None, category=category)) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Teleradiotherapy of the craniospinal axis",
        "Craniospinal chemoradiotherapy",
        "Craniospinal radiochemotherapy",
        "Craniospinal radiotherapy",
    ],
)
def test_compounds_of_radiotherapy_are_radiotherapy(text: str) -> None:
    assert [c.target for c in courses(summary(code={"text": text}))] == [Target.CRANIOSPINAL]


def test_a_running_summary_without_code_stops_methotrexate() -> None:
    running = summary(BRAIN, SPINAL_CANAL, code=None, status="in-progress")
    assert ("mtx-craniospinal-rt", "critical") in signed(BREAST, running, orders=[order()])


@pytest.mark.parametrize(
    "name",
    [
        "Secondary malignant neoplasm of bone (disorder)",
        "Secondary malignant tumour of liver",
        "Secondary carcinoma of liver",
        "Metastatic malignant neoplasm to brain",
        "Metastasis to liver",
    ],
)
def test_the_name_of_a_secondary_is_no_cancer_of_its_own(name: str) -> None:
    secondary = about("Condition", "m", code={"text": name}, recordedDate="2026-01-01")
    beside = Chart(record(BREAST, secondary)).malignancies
    assert ([entry.site for entry in beside.entries], beside.metastatic) == (["breast"], True)
    alone = Chart(record(secondary)).malignancies
    assert ([entry.site for entry in alone.entries], alone.metastatic) == (["unknown"], True)


@pytest.mark.parametrize(
    ("name", "site"),
    [
        ("Secondary malignant neoplasm of liver from breast cancer", "breast"),
        ("Metastatic adenocarcinoma of colon", "other"),
        ("Secondary carcinoma of liver, colon carcinoma", "other"),
    ],
)
def test_a_named_primary_stays_one(name: str, site: str) -> None:
    found = Chart(record(about("Condition", "c", code={"text": name}))).malignancies
    assert [entry.site for entry in found.entries] == [site]


def test_a_secondary_by_name_raises_the_suspicion() -> None:
    secondary = about("Condition", "m", code={"text": "Secondary malignant neoplasm of bone"})
    headache = about("Condition", "s", code={"text": "Diplopia"}, recordedDate="2026-11-18")
    assert ("suspected-lm", "warning") in opened(secondary, headache)
