"""Charts in which a plausible reading would keep the service silent."""

from __future__ import annotations

import pytest

from hooks import SERVICES
from hooks.record import Failure
from tests.unit.hooks.records import (
    BREAST,
    ICD,
    LM,
    LOINC,
    SNOMED,
    about,
    coded,
    opened,
    order,
    record,
    signed,
)

CAUDA_EQUINA = about("Condition", "s", code=coded(ICD, "G83.4"), recordedDate="2026-11-19")


def _platelets(value: int) -> dict[str, object]:
    return about(
        "Observation",
        "plt",
        status="final",
        code=coded(LOINC, "777-3"),
        effectiveDateTime="2026-11-20",
        valueQuantity={"value": value, "code": "10*3/uL"},
    )


@pytest.mark.parametrize(
    "text",
    [
        "12 mg PF by lumbar puncture, no Ommaya",
        "Not via reservoir; lumbar puncture",
        "Ommaya blocked, give by lumbar puncture",
    ],
)
def test_a_reservoir_that_is_not_used_is_no_access(text: str) -> None:
    draft = order(dosage={"text": text, "site": {"text": "see text"}})
    assert ("mtx-lumbar-access-safety", "critical") in signed(
        BREAST, LM, _platelets(10), orders=[draft]
    )


def test_history_of_a_severe_reaction_counts() -> None:
    allergy = {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "patient": {"reference": "Patient/p"},
        "code": {"text": "History of severe reaction to methotrexate"},
    }
    assert ("mtx-allergy", "critical") in signed(BREAST, LM, allergy, orders=[order()])


def test_history_of_craniospinal_irradiation_counts() -> None:
    done = about(
        "Procedure",
        "rt",
        status="completed",
        code={"text": "History of craniospinal irradiation"},
        performedDateTime="2026-10-20",
    )
    assert ("mtx-craniospinal-rt", "critical") in signed(BREAST, LM, done, orders=[order()])


def test_a_question_of_meningitis_counts() -> None:
    asked = about("Condition", "m", code={"text": "Rule out bacterial meningitis"})
    assert ("mtx-cns-infection", "critical") in signed(BREAST, LM, asked, orders=[order()])


@pytest.mark.parametrize("shared", [{"id": "tmp"}, {"identifier": [{"value": "1"}]}])
def test_two_drugs_with_one_identity_are_two_orders(shared: dict[str, object]) -> None:
    vinca = order(
        "d2",
        medicationCodeableConcept={"text": "vincristine"},
        dosage={"route": coded(SNOMED, "47625008"), "text": "IV"},
    )
    found = signed(BREAST, LM, orders=[{**order(), **shared}, {**vinca, **shared}])
    assert ("vinca-same-day", "critical") in found


def test_identifiers_without_system_do_not_make_two_orders_one() -> None:
    same = {"identifier": [{"value": "1"}]}
    found = signed(BREAST, LM, orders=[{**order("a"), **same}, {**order("b"), **same}])
    assert ("mtx-interval", "critical") in found


@pytest.mark.parametrize(
    "damage", [{"note": "x"}, {"authoredOn": 5}, {"identifier": "x"}, {"reasonCode": "x"}]
)
def test_an_unreadable_side_element_hides_nothing(damage: dict[str, object]) -> None:
    high = order(dosage={"doseAndRate": [{"doseQuantity": {"value": 120, "unit": "mg"}}]})
    found = signed(BREAST, LM, orders=[{**high, **damage}])
    assert {("mtx-dose-for-age", "critical"), ("mtx-not-verifiable", "warning")} <= found


def test_an_unreadable_vinca_order_is_still_fatal() -> None:
    vinca = order(medicationCodeableConcept={"text": "vincristine"}, note="x")
    expected = {("vinca-intrathecal", "critical"), ("mtx-not-verifiable", "warning")}
    assert signed(orders=[vinca]) == expected


def test_an_unreadable_order_of_another_drug_says_nothing() -> None:
    assert (
        signed(orders=[order(medicationCodeableConcept={"text": "cytarabine"}, note="x")]) == set()
    )


def test_a_primary_and_a_secondary_in_one_condition_are_a_solid_tumour() -> None:
    both = {"coding": [{"system": ICD, "code": "C18.2"}, {"system": ICD, "code": "C78.7"}]}
    colon = about("Condition", "c", code=both)
    leukaemia = about("Condition", "l", code=coded(ICD, "C91.10"))
    assert ("suspected-lm", "critical") in opened(colon, leukaemia, CAUDA_EQUINA)


def test_a_coded_cancer_whose_text_suspects_lm_stays_a_cancer() -> None:
    both = about(
        "Condition",
        "c",
        code=coded(ICD, "C50.911", "Breast cancer, suspected leptomeningeal metastasis"),
    )
    assert ("suspected-lm", "critical") in opened(both, CAUDA_EQUINA)


def test_a_take_down_in_the_future_leaves_the_shunt() -> None:
    device = {
        "resourceType": "Device",
        "id": "v",
        "patient": {"reference": "Patient/p"},
        "status": "active",
        "type": {"text": "VP shunt"},
    }
    planned = about(
        "Procedure",
        "t",
        status="completed",
        code=coded(SNOMED, "66399003"),
        performedDateTime="2027-05-01",
    )
    assert ("mtx-shunt", "critical") in signed(BREAST, LM, device, planned, orders=[order()])


@pytest.mark.parametrize("text", ["not compensated", "no longer stable", "stable ventricles"])
def test_hydrocephalus_is_symptomatic_unless_said_otherwise(text: str) -> None:
    present = about("Condition", "h", code=coded(ICD, "G91.9"), note=[{"text": text}])
    assert ("mtx-shunt", "critical") in signed(BREAST, LM, present, orders=[order()])


def _brain(text: str) -> dict[str, object]:
    return about(
        "DiagnosticReport",
        "b",
        status="final",
        code=coded(LOINC, "24587-8"),
        effectiveDateTime="2026-11-18",
        conclusion=text,
    )


def test_no_shunt_malfunction_is_no_absence_of_a_shunt() -> None:
    found = record(
        BREAST, LM, _brain("Shunt catheter in place, no shunt malfunction"), orders=[order()]
    )
    unknown = [
        f
        for f in SERVICES["lm-order-sign"].findings(found)
        if f.recommendation == "mtx-not-verifiable"
    ]
    assert "shunt status" in unknown[0].verdict.unknowns


def test_an_odd_id_is_never_printed() -> None:
    hostile = order("<b>sign</b>", status="active", authoredOn="2026-11-21")
    cards = SERVICES["lm-order-sign"].cards(record(BREAST, LM, hostile, orders=[order()]))
    assert "mtx-interval" in str([c.body for c in cards])
    assert "<b>" not in str([c.body for c in cards])


@pytest.mark.parametrize(
    "drug", [{"coding": [{}]}, {"coding": [{"system": "urn:local", "code": "4711"}]}, {"text": " "}]
)
def test_a_drug_without_a_name_is_not_verifiable(drug: dict[str, object]) -> None:
    assert ("mtx-not-verifiable", "warning") in signed(
        orders=[order(medicationCodeableConcept=drug)]
    )


def test_a_vinca_alkaloid_among_the_ingredients_comes_first() -> None:
    within = {
        "resourceType": "Medication",
        "id": "m",
        "ingredient": [
            {"itemCodeableConcept": {"text": "methotrexate"}},
            {"itemReference": {"reference": "#v"}},
        ],
    }
    substance = {"resourceType": "Substance", "id": "v", "code": {"text": "vincristine"}}
    draft = order(contained=[within, substance], medicationReference={"reference": "#m"})
    del draft["medicationCodeableConcept"]
    assert ("vinca-intrathecal", "critical") in signed(orders=[draft])


def test_all_instructions_tell_what_is_not_verifiable() -> None:
    draft = order()
    lumbar = {**draft["dosageInstruction"][0], "site": {"text": "lumbar"}}
    reservoir = {**draft["dosageInstruction"][0], "doseAndRate": []}
    found = record(BREAST, LM, orders=[{**draft, "dosageInstruction": [reservoir, lumbar]}])
    named = next(
        f
        for f in SERVICES["lm-order-sign"].findings(found)
        if f.recommendation == "mtx-not-verifiable"
    )
    assert {"dose/unit", "platelets"} <= set(named.verdict.unknowns)


def test_failed_is_never_worded_as_not_found() -> None:
    failed = [Failure("DiagnosticReport", "timeout"), Failure("Observation", "http-503")]
    cards = SERVICES["lm-patient-view"].cards(record(BREAST, CAUDA_EQUINA, failures=failed))
    text = str([card.body for card in cards])
    assert "No neurological examination" not in text
    headache = about("Condition", "h", code=coded(ICD, "R51.9"), recordedDate="2026-11-15")
    warned = SERVICES["lm-patient-view"].cards(
        record(BREAST, headache, CAUDA_EQUINA | {"code": coded(ICD, "H53.2")}, failures=failed)
    )
    assert "Could not read neuraxis MRI and CSF result" in warned[0].body["summary"]
    orders = SERVICES["lm-order-sign"].cards(
        record(
            BREAST,
            LM,
            orders=[order()],
            failures=[
                Failure("Procedure", "timeout"),
                Failure("MedicationAdministration", "timeout"),
            ],
        )
    )
    told = str([card.body for card in orders])
    assert "RT history not found" not in told
    assert "Previous IT doses not found" not in told


@pytest.mark.parametrize("comparator", ["<"])
def test_a_score_below_seventy_is_poor(comparator: str) -> None:
    score = about(
        "Observation",
        "k",
        status="final",
        code=coded(LOINC, "89243-0"),
        effectiveDateTime="2026-11-20",
        valueQuantity={"value": 70, "comparator": comparator},
    )
    assert ("mtx-goals-of-care", "warning") in signed(BREAST, LM, score, orders=[order()])


@pytest.mark.parametrize("value", [0, -5])
def test_a_dose_of_nothing_is_no_dose(value: int) -> None:
    draft = order(dosage={"doseAndRate": [{"doseQuantity": {"value": value, "unit": "mg"}}]})
    found = signed(BREAST, LM, orders=[draft])
    assert ("mtx-not-verifiable", "warning") in found
    assert not any(name == "mtx-dose-for-age" for name, _ in found)


def test_a_proposal_of_hospice_does_not_silence_a_red_flag() -> None:
    proposal = about(
        "ServiceRequest",
        "r",
        status="active",
        intent="proposal",
        code={"text": "Hospice evaluation"},
    )
    declined = about(
        "Condition", "d", code=coded(SNOMED, "385763009", "Hospice discussed, patient declined")
    )
    assert ("suspected-lm", "critical") in opened(BREAST, CAUDA_EQUINA, proposal, declined)


def test_sites_by_text_make_craniospinal_radiotherapy() -> None:
    planned = about(
        "ServiceRequest",
        "r",
        status="active",
        code={"text": "Radiotherapy"},
        bodySite=[{"text": "Whole brain"}, {"text": "Whole spine"}],
    )
    assert ("mtx-craniospinal-rt", "critical") in signed(BREAST, LM, planned, orders=[order()])


def test_long_texts_are_unreadable_not_slow() -> None:
    with pytest.raises(ValueError, match="length"):
        record(_brain("no mass, " * 9000))


def test_a_planned_time_in_an_impossible_zone_is_the_time_of_the_call() -> None:
    event = {"timing": {"event": ["2026-11-21T12:00:00+99:99"]}}
    given = about(
        "MedicationAdministration",
        "g",
        status="completed",
        medicationCodeableConcept={"text": "methotrexate"},
        effectiveDateTime="2026-11-21T08:00:00Z",
        dosage={"route": coded(SNOMED, "72607000")},
    )
    assert ("mtx-interval", "critical") in signed(BREAST, LM, given, orders=[order(dosage=event)])


@pytest.mark.parametrize("unit", [{"value": 12, "unit": "mg"}, {"value": 0.012, "unit": "g"}])
def test_daily_in_any_unit(unit: dict[str, object]) -> None:
    daily = {"doseAndRate": [{"doseQuantity": unit}], "text": "daily, preservative-free"}
    assert ("mtx-interval", "critical") in signed(BREAST, LM, orders=[order(dosage=daily)])


def test_many_drafts_are_told_briefly() -> None:
    many = [order(f"d{number}") for number in range(150)]
    cards = SERVICES["lm-order-sign"].cards(record(BREAST, LM, orders=many))
    assert len(str([card.body for card in cards])) < 500_000


def _high(**dosage: object) -> dict[str, object]:
    """120 mg of methotrexate with these members of its dosage instruction and no other words."""
    dose = {"doseAndRate": [{"doseQuantity": {"value": 120, "unit": "mg"}}]}
    bare = {"text": "preservative-free", "route": None, "site": None}
    return order(dosage={**bare, **dose, **dosage})


RESERVOIR = coded(SNOMED, "118425005")
INTRAVENOUS = "47625008"


@pytest.mark.parametrize(
    "into_the_csf",
    [
        {"site": RESERVOIR},
        {"site": RESERVOIR, "route": coded(SNOMED, INTRAVENOUS)},
        {"route": coded(SNOMED, INTRAVENOUS, "Intrathecal")},
        {"route": coded(SNOMED, INTRAVENOUS, "IT injection")},
        {"text": "12 mg I.T."},
        {"text": "12 mg I.T. once"},
        {"text": "intra\u200bthecal"},
    ],
)
def test_what_leads_into_the_csf_is_noticed(into_the_csf: dict[str, object]) -> None:
    found = signed(BREAST, LM, orders=[_high(**into_the_csf)])
    assert {("mtx-dose-for-age", "critical"), ("mtx-route-not-coded", "warning")} <= found
    vinca = {**_high(**into_the_csf), "medicationCodeableConcept": {"text": "vincristine"}}
    assert signed(orders=[vinca]) == {("vinca-intrathecal", "critical")}


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"route": coded(SNOMED, INTRAVENOUS, "Intravenous")},
        {"route": coded(SNOMED, INTRAVENOUS, "IV, not intrathecal")},
        {"route": coded(SNOMED, INTRAVENOUS), "site": {"text": "left arm"}},
        {"text": "into a vein of the left arm"},
    ],
)
def test_what_leads_elsewhere_is_not_called_intrathecal(elsewhere: dict[str, object]) -> None:
    vinca = {**_high(**elsewhere), "medicationCodeableConcept": {"text": "vincristine"}}
    assert ("vinca-intrathecal", "critical") not in signed(orders=[vinca])


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        ({"repeat": {"frequency": 1, "period": 24, "periodUnit": "h"}}, True),
        ({"repeat": {"frequency": 1, "period": 25, "periodUnit": "h"}}, False),
        ({"repeat": {"frequency": 1, "period": 24.1, "periodUnit": "h"}}, False),
        ({"repeat": {"frequency": 1, "period": 1440, "periodUnit": "min"}}, True),
        ({"repeat": {"frequency": 1, "period": 1441, "periodUnit": "min"}}, False),
        ({"repeat": {"frequency": 7, "period": 1, "periodUnit": "wk"}}, True),
        ({"repeat": {"frequency": 6, "period": 1, "periodUnit": "wk"}}, False),
        ({"repeat": {"frequency": 10079, "period": 1440, "periodUnit": "wk"}}, False),
        ({"repeat": {"frequency": 2, "period": 2, "periodUnit": "d"}}, True),
        ({"repeat": {"frequency": 1, "period": 2, "periodUnit": "d"}}, False),
        ({"repeat": {"periodUnit": "d"}}, True),
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "mo"}}, False),
        ({"repeat": {"periodUnit": "h", "period": 48}, "code": {"text": "BID"}}, False),
        *[
            ({"code": {"coding": [{"code": code}]}}, expected)
            for expected, codes in (
                (True, "QD BID TID QID AM PM BED Q1H Q9H Q10H Q19H Q20H Q24H"),
                (False, "QOD WK MO Q0H Q25H Q30H Q48H XQD QDX"),
            )
            for code in codes.split()
        ],
    ],
)
def test_at_least_daily_in_any_unit_of_time(timing: dict[str, object], expected: bool) -> None:
    found = signed(BREAST, LM, orders=[order(dosage={"timing": timing})])
    assert (("mtx-interval", "critical") in found) is expected
