"""What each reading cites: the entry, what it says, its day, and whether a text was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hooks.answer import Evidence
from hooks.fhir import read_resource
from hooks.readings.chart import Chart
from hooks.readings.concepts import reference
from tests.unit.hooks.records import (
    DAY,
    ICD,
    INTRATHECAL,
    LOINC,
    SNOMED,
    about,
    chart,
    coded,
    mri,
    observed,
    problem,
    procedure,
    report,
    requested,
)

Json = dict[str, Any]
CSF = {"text": "CSF cytology"}
CASES: dict[str, tuple[Json, Callable[[Chart], Any], Evidence]] = {
    "coded cancer": (
        problem("c", coded(ICD, "C50.9")),
        lambda c: c.malignancies.entries[0].source,
        Evidence("Condition/c", "breast cancer", None, DAY),
    ),
    "named cancer": (
        problem("c", {"text": "Lung adenocarcinoma"}),
        lambda c: c.malignancies.entries[0].source,
        Evidence("Condition/c", "lung cancer", None, DAY, "text"),
    ),
    "metastasis alone": (
        problem("m", coded(ICD, "C79.31")),
        lambda c: c.malignancies.entries[0].source,
        Evidence("Condition/m", "metastasis", None, DAY),
    ),
    "coded symptom": (
        problem("s", coded(ICD, "H53.2")),
        lambda c: c.symptoms[0].source,
        Evidence("Condition/s", "diplopia", None, DAY),
    ),
    "named symptom": (
        observed("s", {"text": "Double vision"}, valueBoolean=True),
        lambda c: c.symptoms[0].source,
        Evidence("Observation/s", "diplopia", None, DAY, "text"),
    ),
    "cytology by text": (
        report("r", CSF, "Malignant cells present."),
        lambda c: c.cytologies.samples[0].source,
        Evidence("DiagnosticReport/r", "CSF cytology", "positive", DAY, "text"),
    ),
    "cytology by code": (
        report("r", CSF, conclusionCode=[coded(SNOMED, "10828004")]),
        lambda c: c.cytologies.samples[0].source,
        Evidence("DiagnosticReport/r", "CSF cytology", "positive", DAY, "code"),
    ),
    "awaited cytology": (
        report("r", CSF, status="registered"),
        lambda c: c.cytologies.pending.source,
        Evidence("DiagnosticReport/r", "CSF cytology", "pending", DAY, "code"),
    ),
    "MRI with a pattern": (
        mri("brain", "Linear leptomeningeal enhancement."),
        lambda c: c.brain[0].source,
        Evidence(
            "DiagnosticReport/brain-2026-11-12",
            "MRI brain",
            "leptomeningeal pattern linear",
            DAY,
            "text",
        ),
    ),
    "MRI without a word on the meninges": (
        mri("whole spine", "Degenerative changes."),
        lambda c: c.spine[0].source,
        Evidence(
            "DiagnosticReport/whole-spine-2026-11-12",
            "MRI spine",
            "leptomeningeal pattern not stated",
            DAY,
            "code",
        ),
    ),
    "flow study": (
        report("f", coded(LOINC, "42386-3"), "Normal CSF flow."),
        lambda c: c.flow.source,
        Evidence("DiagnosticReport/f", "CSF flow study", "normal", DAY, "text"),
    ),
    "flow study that says nothing": (
        report("f", coded(LOINC, "42386-3"), "See images."),
        lambda c: c.flow.source,
        Evidence("DiagnosticReport/f", "CSF flow study", "inconclusive", DAY, "code"),
    ),
    "no shunt by an observation": (
        observed("s", {"text": "VP shunt"}, valueBoolean=False),
        lambda c: c.shunt.sources[0],
        Evidence("Observation/s", "no CSF shunt", None, DAY),
    ),
    "no shunt by a refuted problem": (
        problem("s", coded(ICD, "Z98.2"), verificationStatus=coded("x", "refuted")),
        lambda c: c.shunt.sources[0],
        Evidence("Condition/s", "CSF shunt refuted", None, DAY),
    ),
    "no shunt on MRI": (
        mri("brain", "No shunt."),
        lambda c: c.shunt.sources[0],
        Evidence(
            "DiagnosticReport/brain-2026-11-12", "no CSF shunt on MRI brain", None, DAY, "text"
        ),
    ),
    "shunt as a problem": (
        problem("s", coded(ICD, "Z98.2")),
        lambda c: c.shunt.sources[0],
        Evidence("Condition/s", "CSF shunt", None, DAY),
    ),
    "shunt as an observation": (
        observed("s", {"text": "VP shunt"}, valueBoolean=True),
        lambda c: c.shunt.sources[0],
        Evidence("Observation/s", "CSF shunt", None, DAY),
    ),
    "shunt placement": (
        procedure("s", {"text": "Placement of VP shunt"}),
        lambda c: c.shunt.sources[0],
        Evidence("Procedure/s", "CSF shunt", None, DAY),
    ),
    "symptomatic hydrocephalus": (
        problem("h", coded(ICD, "G91.1")),
        lambda c: c.hydrocephalus.source,
        Evidence("Condition/h", "hydrocephalus", "symptomatic", DAY),
    ),
    "controlled hydrocephalus": (
        problem("h", {"text": "Asymptomatic hydrocephalus"}),
        lambda c: c.hydrocephalus.source,
        Evidence("Condition/h", "hydrocephalus", "asymptomatic or controlled", DAY),
    ),
    "coded infection": (
        problem("i", coded(ICD, "G00.9")),
        lambda c: c.infection,
        Evidence("Condition/i", "CNS or device infection", None, DAY),
    ),
    "named infection": (
        problem("i", {"text": "Suspected bacterial meningitis"}),
        lambda c: c.infection,
        Evidence("Condition/i", "CNS or device infection", None, DAY, "text"),
    ),
    "third-space fluid": (
        problem("a", {"text": "Ascites"}),
        lambda c: c.third_space,
        Evidence("Condition/a", "pleural effusion or ascites", None, DAY, "text"),
    ),
    "leukoencephalopathy as a problem": (
        problem("l", {"text": "Leukoencephalopathy"}),
        lambda c: c.leukoencephalopathy,
        Evidence("Condition/l", "leukoencephalopathy", None, DAY, "text"),
    ),
    "leukoencephalopathy on MRI": (
        mri("brain", "Diffuse leukoencephalopathy."),
        lambda c: c.leukoencephalopathy,
        Evidence(
            "DiagnosticReport/brain-2026-11-12",
            "leukoencephalopathy on MRI brain",
            None,
            DAY,
            "text",
        ),
    ),
    "dialysis": (
        problem("d", coded(ICD, "N18.6")),
        lambda c: c.dialysis,
        Evidence("Condition/d", "dialysis or end-stage renal disease", None, DAY),
    ),
    "platelets": (
        observed("p", coded(LOINC, "777-3"), valueQuantity={"value": 150, "code": "10*3/uL"}),
        lambda c: c.laboratory("platelets").source,
        Evidence("Observation/p", "platelets", "150 x10^9/L", DAY),
    ),
    "platelets per microlitre": (
        observed("p", coded(LOINC, "777-3"), valueQuantity={"value": 45000, "code": "/uL"}),
        lambda c: c.laboratory("platelets").source,
        Evidence("Observation/p", "platelets", "45 x10^9/L", DAY),
    ),
    "INR": (
        observed("i", coded(LOINC, "6301-6"), valueQuantity={"value": 1.3, "code": "{INR}"}),
        lambda c: c.laboratory("inr").source,
        Evidence("Observation/i", "INR", "1.3", DAY),
    ),
    "unreadable platelets": (
        observed("p", coded(LOINC, "777-3"), valueQuantity={"value": 150}),
        lambda c: c.laboratory("platelets").source,
        Evidence("Observation/p", "platelets", "unreadable", DAY),
    ),
    "KPS": (
        observed("k", coded(LOINC, "89243-0"), valueInteger=80),
        lambda c: c.score("kps").source,
        Evidence("Observation/k", "Karnofsky performance status", "80", DAY),
    ),
    "short life expectancy": (
        observed("e", {"text": "Prognosis"}, valueString="days to weeks"),
        lambda c: c.life_expectancy.source,
        Evidence("Observation/e", "life expectancy", "below 30 d", DAY),
    ),
    "life expectancy of a month": (
        observed("e", {"text": "Prognosis"}, valueQuantity={"value": 30, "unit": "d"}),
        lambda c: c.life_expectancy.source,
        Evidence("Observation/e", "life expectancy", "30 d or more", DAY),
    ),
    "scorecard": (
        observed("n", {"text": "NANO scale"}, valueInteger=2),
        lambda c: c.scorecard.source,
        Evidence("Observation/n", "LM scorecard", None, DAY),
    ),
    "marker by report": (
        report("m", {"text": "EGFR"}, "Exon 19 deletion detected."),
        lambda c: c.markers["EGFR"].source,
        Evidence("DiagnosticReport/m", "EGFR", "positive", DAY, "text"),
    ),
    "marker by problem": (
        problem("h", coded(SNOMED, "431396003")),
        lambda c: c.markers["HER2"].source,
        Evidence("Condition/h", "HER2", "negative", DAY),
    ),
    "focal lesion by code": (
        problem("f", coded(SNOMED, "71286001")),
        lambda c: c.focal_lesion.source,
        Evidence("Condition/f", "focal lesion", "compression of spinal cord or cauda equina", DAY),
    ),
    "focal lesion by text": (
        problem("f", {"text": "Symptomatic leptomeningeal nodule"}),
        lambda c: c.focal_lesion.source,
        Evidence("Condition/f", "focal lesion", "symptomatic nodule or deposit", DAY, "text"),
    ),
    "hospice": (
        problem("h", {"text": "Hospice care"}),
        lambda c: c.hospice,
        Evidence("Condition/h", "hospice or comfort care"),
    ),
    "antithrombotic": (
        requested("a", "apixaban 5 mg"),
        lambda c: c.antithrombotics[0],
        Evidence("MedicationRequest/a", "antithrombotic drug not held", None, DAY),
    ),
    "interacting drug": (
        requested("i", "ibuprofen 400 mg"),
        lambda c: c.interacting[0],
        Evidence("MedicationRequest/i", "NSAID", None, DAY),
    ),
    "treatment of LM": (
        requested("t", "osimertinib 80 mg"),
        lambda c: c.lm_treatment[0],
        Evidence("MedicationRequest/t", "treatment of LM", "osimertinib", DAY),
    ),
    "intrathecal treatment of LM": (
        requested("t", "methotrexate", dosageInstruction=[INTRATHECAL]),
        lambda c: c.lm_treatment[0],
        Evidence("MedicationRequest/t", "treatment of LM", "intrathecal methotrexate", DAY),
    ),
    "methotrexate given": (
        about(
            "MedicationAdministration",
            "g",
            status="completed",
            medicationCodeableConcept={"text": "methotrexate"},
            effectivePeriod={"start": str(DAY), "end": "2026-11-14"},
            dosage=INTRATHECAL,
        ),
        lambda c: c.methotrexate_given[0].source,
        Evidence("MedicationAdministration/g", "methotrexate given, intrathecal route", None, DAY),
    ),
    "emetogenic chemotherapy": (
        about(
            "MedicationAdministration",
            "e",
            status="completed",
            medicationCodeableConcept={"text": "cisplatin"},
            effectiveDateTime=str(DAY),
        ),
        lambda c: c.emetogenic[1],
        Evidence("MedicationAdministration/e", "emetogenic chemotherapy", None, DAY),
    ),
    "radiotherapy": (
        procedure("r", {"text": "Whole brain radiotherapy"}),
        lambda c: c.courses[0].source,
        Evidence("Procedure/r", "whole-brain radiotherapy", "completed", DAY),
    ),
    "planned radiotherapy": (
        about(
            "ServiceRequest",
            "r",
            status="active",
            intent="order",
            code={"text": "Craniospinal irradiation"},
            authoredOn=str(DAY),
        ),
        lambda c: c.courses[0].source,
        Evidence("ServiceRequest/r", "craniospinal radiotherapy", "planned", DAY),
    ),
    "allergy": (
        {
            "resourceType": "AllergyIntolerance",
            "id": "a",
            "patient": {"reference": "Patient/p"},
            "code": {"text": "methotrexate"},
        },
        lambda c: c.methotrexate_allergy[1],
        Evidence("AllergyIntolerance/a", "methotrexate hypersensitivity"),
    ),
    "LM on the problem list": (
        problem("l", coded(ICD, "C79.32")),
        lambda c: c.lm_entry.source,
        Evidence("Condition/l", "leptomeningeal metastasis, confirmed", None, DAY),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_reading_cites(name: str) -> None:
    resource, read, cited = CASES[name]
    assert read(chart(resource)) == cited


@pytest.mark.parametrize(
    ("own_id", "shown"),
    [
        ("a-1.B", "Condition/a-1.B"),
        ("A" * 64, f"Condition/{'A' * 64}"),
        ("A" * 65, "Condition"),
        ("a b", "Condition"),
        ("\u00e4", "Condition"),
        ("K\u212a", "Condition"),
        ("www.example", "Condition"),
        ("x-WWW.example", "Condition"),
    ],
)
def test_only_a_well_formed_id_is_printed(own_id: str, shown: str) -> None:
    entry = read_resource(problem(own_id, coded(ICD, "C50.9")))
    assert entry is not None
    assert reference(entry) == shown
