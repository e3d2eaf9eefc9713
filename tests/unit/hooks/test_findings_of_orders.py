"""What each recommendation finds for an order, which entries it rests on, and what is missing.

The lines of `findings_of_orders.yaml` were read against the specification one by one.
"""

from __future__ import annotations

from typing import Any

import pytest

from hooks.record import Failure
from tests.unit.hooks.findings import expected, lines
from tests.unit.hooks.records import (
    BREAST,
    ICD,
    INTRATHECAL,
    LM,
    LOINC,
    PATIENT,
    SNOMED,
    about,
    coded,
    mri,
    observed,
    order,
    problem,
    procedure,
    record,
    report,
    requested,
)

Json = dict[str, Any]
INTRAVENOUS = coded(SNOMED, "47625008")
LEUKAEMIA = problem("heme", coded(ICD, "C91.00"))
BOTH = (BREAST, LM)
FLOW = report("flow", coded(LOINC, "42386-3"), "Normal CSF flow.")
BLOCK = report("flow", coded(LOINC, "42386-3"), "Block of CSF flow at T4.")
HYDROCEPHALUS = problem("h", coded(ICD, "G91.1"))
NODULAR = mri("brain", "Nodular leptomeningeal enhancement.")
CLEAR = mri("brain", "No mass effect. No leptomeningeal enhancement.")
NO_SHUNT = observed("s", {"text": "VP shunt"}, valueBoolean=False)
HOSPICE = problem("h", {"text": "Hospice care"})
ARTHRITIS = problem("ra", coded(ICD, "M06.9"))
CRANIOSPINAL, WHOLE_BRAIN = (
    {"text": "Craniospinal irradiation"},
    {"text": "Whole brain radiotherapy"},
)
UNKNOWN_AGE = {"resourceType": "Patient", "id": "p"}
ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "id": "a",
    "patient": {"reference": "Patient/p"},
    "code": {"text": "methotrexate"},
}


def given(own_id: str, when: str, route: Json | None = None) -> Json:
    dosage = {"route": route or INTRATHECAL["route"], "dose": {"value": 12, "unit": "mg"}}
    return about(
        "MedicationAdministration",
        own_id,
        status="completed",
        medicationCodeableConcept={"text": "methotrexate"},
        effectiveDateTime=when,
        dosage=dosage,
    )


def laboratory(test: str, value: float, unit: str, day: str = "2026-11-19") -> Json:
    quantity = {"value": value, "code": unit} if unit else {"value": value}
    return observed(test, coded(LOINC, test), effectiveDateTime=day, valueQuantity=quantity)


def platelets(value: float, day: str = "2026-11-19") -> Json:
    return laboratory("777-3", value, "10*3/uL", day)


def inr(value: float) -> Json:
    return laboratory("6301-6", value, "1")


def egfr(value: float, unit: str = "mL/min/{1.73_m2}") -> Json:
    return laboratory("62238-1", value, unit)


def vinca(**dosage: Any) -> Json:
    own = {"route": INTRAVENOUS, "text": "1.5 mg IV", "site": {}}
    drug = {"text": "vincristine"}
    return order("v", medicationCodeableConcept=drug, dosage={**own, **dosage})


def dose(value: float, unit: str) -> Json:
    return order(dosage={"doseAndRate": [{"doseQuantity": {"value": value, "unit": unit}}]})


def unrouted(text: str, **dosage: Any) -> Json:
    return order(dosage={"route": {}, "site": {}, "text": text, **dosage})


def at(day: str) -> Json:
    return {"timing": {"event": [day]}}


IN_MILLILITRES = {"doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mL"}}]}
LUMBAR = order(dosage={"site": {"text": "lumbar puncture"}})
PAPILLOEDEMA = problem("pe", {"text": "Papilloedema"}, recordedDate="2026-11-15")

CHARTS: dict[str, tuple[tuple[Json, ...], tuple[Json, ...]]] = {
    "nothing more": (BOTH, ()),
    "no date of birth": ((UNKNOWN_AGE, *BOTH), ()),
    "no date of birth, 20 mg": ((UNKNOWN_AGE, *BOTH), (dose(20, "mg"),)),
    "no date of birth, no dose, lumbar": (
        (UNKNOWN_AGE, *BOTH),
        (order(dosage={"site": {"text": "lumbar"}, "doseAndRate": []}),),
    ),
    "flow obstructed": ((*BOTH, BLOCK), ()),
    "flow open": ((*BOTH, FLOW), ()),
    "flow study too old": ((*BOTH, {**FLOW, "effectiveDateTime": "2026-01-02"}), ()),
    "radiotherapy after the flow study": (
        (*BOTH, FLOW, procedure("rt", WHOLE_BRAIN, performedDateTime="2026-11-15")),
        (),
    ),
    "leukaemia": ((LEUKAEMIA, observed("k", coded(LOINC, "89243-0"), valueInteger=50)), ()),
    "nodular": ((*BOTH, NODULAR), ()),
    "nodular and hydrocephalus": ((*BOTH, NODULAR, HYDROCEPHALUS), ()),
    "hydrocephalus": ((*BOTH, HYDROCEPHALUS), ()),
    "shunt without on/off valve": (
        (*BOTH, problem("s", {"text": "VP shunt without on/off valve"})),
        (),
    ),
    "shunt": ((*BOTH, problem("s", {"text": "VP shunt"})), ()),
    "programmable shunt": ((*BOTH, problem("s", {"text": "VP shunt, programmable valve"})), ()),
    "shunt with on/off valve, hydrocephalus": (
        (*BOTH, problem("s", {"text": "VP shunt with on/off valve"}), HYDROCEPHALUS),
        (),
    ),
    "no shunt, hydrocephalus": ((*BOTH, NO_SHUNT, HYDROCEPHALUS), ()),
    "no shunt, open flow": ((*BOTH, NO_SHUNT, FLOW), ()),
    "reservoir, low platelets": ((*BOTH, platelets(10)), ()),
    "lumbar, low platelets": ((*BOTH, platelets(10)), (LUMBAR,)),
    "lumbar, old platelets": ((*BOTH, CLEAR, platelets(10, "2026-09-12")), (LUMBAR,)),
    "lumbar, platelets and INR to watch": ((*BOTH, platelets(45), inr(1.45), CLEAR), (LUMBAR,)),
    "lumbar, nothing against it": ((*BOTH, platelets(150), inr(1), CLEAR), (LUMBAR,)),
    "lumbar, anticoagulated": (
        (*BOTH, platelets(150), inr(2.5), CLEAR, requested("a", "apixaban")),
        (LUMBAR,),
    ),
    "lumbar, mass and hydrocephalus": (
        (
            *BOTH,
            mri("brain", "Mass effect with midline shift."),
            problem("o", {"text": "Obstructive hydrocephalus"}),
        ),
        (LUMBAR,),
    ),
    "lumbar, papilloedema after the MRI": ((*BOTH, PAPILLOEDEMA, CLEAR), (LUMBAR,)),
    "low eGFR and ascites": ((*BOTH, egfr(29), problem("as", {"text": "Ascites"})), ()),
    "normal eGFR": ((*BOTH, egfr(90)), ()),
    "eGFR without unit": ((*BOTH, egfr(90, "")), ()),
    "dialysis": ((*BOTH, problem("d", coded(ICD, "N18.6"))), ()),
    "two systemic doses": (
        (
            *BOTH,
            given("g1", "2026-11-15", INTRAVENOUS),
            given("g2", "2026-11-19", INTRAVENOUS),
            given("g3", "2026-11-17", INTRAVENOUS),
        ),
        (),
    ),
    "systemic dose long ago": ((*BOTH, given("g1", "2026-10-15", INTRAVENOUS)), ()),
    "three interacting drugs": (
        (
            *BOTH,
            requested("a", "ibuprofen"),
            requested("b", "omeprazole"),
            requested("c", "naproxen"),
        ),
        (),
    ),
    "hospice": ((*BOTH, HOSPICE), ()),
    "KPS 50": ((*BOTH, observed("k", coded(LOINC, "89243-0"), valueInteger=50)), ()),
    "KPS 70": ((*BOTH, observed("k", coded(LOINC, "89243-0"), valueInteger=70)), ()),
    "ECOG 3": ((*BOTH, observed("k", coded(LOINC, "89247-1"), valueInteger=3)), ()),
    "ECOG 2": ((*BOTH, observed("k", coded(LOINC, "89247-1"), valueInteger=2)), ()),
    "vinca alone": (BOTH, (vinca(),)),
    "vinca and methotrexate": (BOTH, (vinca(), order())),
    "vinca into the CSF": (BOTH, (vinca(route=INTRATHECAL["route"]),)),
    "vinca without route": (BOTH, (vinca(route={}, text="2 mg"),)),
    "vinca on the day of a given dose": ((*BOTH, given("g", "2026-11-21T08:00:00Z")), (vinca(),)),
    "vinca on the day after a given dose": (
        (*BOTH, given("g", "2026-11-20T08:00:00Z")),
        (vinca(),),
    ),
    "vinca ordered": ((*BOTH, requested("sv", "vincristine", authoredOn="2026-11-21")), ()),
    "vinca drafted": (
        (*BOTH, requested("sv", "vincristine", authoredOn="2026-11-21", status="draft")),
        (),
    ),
    "vinca stopped": (
        (*BOTH, requested("sv", "vincristine", authoredOn="2026-11-21", status="stopped")),
        (),
    ),
    "vinca and methotrexate, leukaemia": ((LEUKAEMIA,), (vinca(), order())),
    "craniospinal twice": (
        (
            *BOTH,
            procedure("old", CRANIOSPINAL, performedDateTime="2020-01-02"),
            procedure("new", CRANIOSPINAL, performedDateTime="2026-11-01"),
        ),
        (),
    ),
    "craniospinal long ago": (
        (*BOTH, procedure("old", CRANIOSPINAL, performedDateTime="2020-01-02")),
        (),
    ),
    "craniospinal without date": (
        (*BOTH, procedure("u", CRANIOSPINAL, performedDateTime=None)),
        (),
    ),
    "craniospinal, leukaemia": ((LEUKAEMIA, procedure("new", CRANIOSPINAL)), ()),
    "whole brain long ago": (
        (*BOTH, procedure("old", WHOLE_BRAIN, performedDateTime="2026-01-02")),
        (),
    ),
    "whole brain twice": (
        (
            *BOTH,
            procedure("old", WHOLE_BRAIN, performedDateTime="2026-01-02"),
            procedure("new", WHOLE_BRAIN, performedDateTime="2026-11-15"),
        ),
        (),
    ),
    "no cancer": ((), ()),
    "arthritis": ((ARTHRITIS,), ()),
    "cancer alone": ((BREAST,), ()),
    "preservative not stated": (BOTH, (order(dosage={"text": "12 mg"}),)),
    "preserved": (BOTH, (order(dosage={"text": "12 mg with benzyl alcohol"}),)),
    "12 mg/m2": (BOTH, (dose(12, "mg/m2"),)),
    "5 mL": (BOTH, (order(dosage=IN_MILLILITRES),)),
    "20 mg": (BOTH, (dose(20, "mg"),)),
    "no dose": (BOTH, (order(dosage={"doseAndRate": []}),)),
    "12 mg in 12 mL": (BOTH, (order(dosage={"text": "12 mg in 12 mL"}),)),
    "12 mg in 6 mL": (BOTH, (order(dosage={"text": "12 mg in 6 mL"}),)),
    "two doses too close": (
        (*BOTH, given("g1", "2026-11-19T18:00:00Z"), given("g2", "2026-11-20T12:30:00Z")),
        (),
    ),
    "dose long before": ((*BOTH, given("g1", "2026-11-10T12:00:00Z")), ()),
    "two drafts": (BOTH, (order("d1"), order("d2", dosage=at("2026-11-22T12:00:00Z")))),
    "active order": (
        (
            *BOTH,
            requested(
                "act",
                "methotrexate",
                dosageInstruction=[{**INTRATHECAL, **at("2026-11-22T12:00:00Z")}],
            ),
        ),
        (),
    ),
    "daily": (BOTH, (order(dosage={"text": "12 mg daily"}),)),
    "frequent": (
        (*BOTH, *(given(f"g{day}", f"2026-11-{day}T12:00:00Z") for day in (12, 14, 16, 18))),
        (),
    ),
    "route in words": (BOTH, (unrouted("12 mg intrathecal"),)),
    "route by dose": (BOTH, (unrouted("12 mg"),)),
    "route by dose, arthritis": ((*BOTH, ARTHRITIS), (unrouted("12 mg"),)),
    "route missing, 500 mg": (
        BOTH,
        (unrouted("", doseAndRate=[{"doseQuantity": {"value": 500, "unit": "mg"}}]),),
    ),
    "intravenous": (BOTH, (order(dosage={"route": INTRAVENOUS, "text": "IV", "site": {}}),)),
    "another drug": (BOTH, (order(medicationCodeableConcept={"text": "cytarabine"}),)),
    "no drug": (BOTH, (order(medicationCodeableConcept={}),)),
    "allergy": ((*BOTH, ALLERGY), ()),
    "mild allergy": ((*BOTH, {**ALLERGY, "criticality": "low"}), ()),
}
EXPECTED = expected("findings_of_orders.yaml")


@pytest.mark.parametrize(
    ("chart", "recommendation"), [(name, each) for name, held in EXPECTED.items() for each in held]
)
def test_what_is_found_for_an_order(chart: str, recommendation: str) -> None:
    resources, orders = CHARTS[chart]
    found = record(*resources, orders=orders or (order(),))
    assert lines("lm-order-sign", recommendation, found) == EXPECTED[chart][recommendation]


def test_every_chart_is_expected_something() -> None:
    assert set(CHARTS) == set(EXPECTED)


FAILED = Failure("Condition", "timeout")


@pytest.mark.parametrize(
    ("recommendation", "line"),
    [
        ("mtx-indication", "cannot tell <- malignancy unknown (the problem list)"),
        (
            "mtx-not-verifiable",
            "warning <- draft_order yes [MedicationRequest/d1]; unverified unknown "
            "(CSF flow; shunt status; Condition) "
            "| with unknowns: CSF flow, shunt status, Condition "
            "| remarks no-earlier-doses, no-radiotherapy-history",
        ),
    ],
)
def test_a_problem_list_that_could_not_be_read(recommendation: str, line: str) -> None:
    found = record(PATIENT, orders=[order()], failures=[FAILED])
    assert lines("lm-order-sign", recommendation, found) == [line]
