"""What is read of a drug order: drug, route, access, dose, volume, frequency, product, plan."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hooks.order_sign.rules import drug_orders
from hooks.readings.chart import Chart
from hooks.readings.order import DrugOrder, Instruction
from tests.unit.hooks.records import LOINC, SNOMED, about, coded, order, record, signed

Json = dict[str, Any]
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM_MG = {"doseQuantity": {"value": 12, "unit": "mg"}}


def read(**members: Any) -> DrugOrder:
    (found,) = drug_orders(Chart(record(orders=[order(**members)])))
    return found


def instruction(**dosage: Any) -> Instruction:
    return read(dosage=dosage).instructions[0]


@pytest.mark.parametrize(
    ("concept", "drug"),
    [
        ({"text": "methotrexate"}, "methotrexate"),
        ({"text": "MTX"}, "methotrexate"),
        ({"text": "vincristine"}, "vincristine"),
        ({"text": "Vinblastine 10 mg"}, "vinblastine"),
        ({"text": "vinorelbine"}, "vinorelbine"),
        ({"text": "vindesine"}, "vinca alkaloid"),
        ({"text": "methotrexate and vincristine"}, "vincristine"),
        ({"text": "cytarabine"}, "other"),
        ({}, "unreadable"),
        (coded(RXNORM, "6851"), "methotrexate"),
        (coded(RXNORM, "11202"), "vincristine"),
        (coded(RXNORM, "11198"), "vinblastine"),
        (coded(RXNORM, "39541"), "vinorelbine"),
        (coded(RXNORM, "3041"), "other"),
        (coded("urn:local", "1"), "unreadable"),
        (coded(RXNORM, "6851", "cytarabine"), "methotrexate"),
        ({"coding": [{"display": "methotrexate"}], "text": "chemotherapy"}, "methotrexate"),
    ],
)
def test_the_drug(concept: Json, drug: str) -> None:
    assert read(medicationCodeableConcept=concept).drug.value == drug


@pytest.mark.parametrize(
    ("ingredients", "drug"),
    [
        ([{"itemCodeableConcept": {"text": "methotrexate"}}], "methotrexate"),
        (
            [
                {"itemCodeableConcept": {"text": "methotrexate"}},
                {"itemCodeableConcept": {"text": "vincristine"}},
            ],
            "vincristine",
        ),
        ([{"itemCodeableConcept": {"text": "sodium chloride"}}], "other"),
        ([{"itemReference": {"display": "methotrexate"}}], "methotrexate"),
    ],
)
def test_the_drug_of_a_contained_medication(ingredients: list[Json], drug: str) -> None:
    medication = {"resourceType": "Medication", "id": "m", "ingredient": ingredients}
    found = read(
        medicationCodeableConcept=None,
        medicationReference={"reference": "#m"},
        contained=[medication],
    )
    assert found.drug.value == drug


@pytest.mark.parametrize(
    ("code", "display", "text"),
    [
        (None, "methotrexate", "methotrexate"),
        ({}, "methotrexate", "methotrexate"),
        ({"text": "vincristine"}, "methotrexate", "vincristine"),
        ({"text": "vincristine"}, None, "vincristine"),
        (None, None, ""),
    ],
)
def test_the_display_of_a_reference_names_a_medication_without_name(
    code: Json | None, display: str | None, text: str
) -> None:
    medication = {"resourceType": "Medication", "id": "m", "code": code}
    found = read(
        medicationCodeableConcept=None,
        medicationReference={"reference": "#m", "display": display},
        contained=[medication],
    )
    assert found.product.text == text


@pytest.mark.parametrize(
    ("route", "text", "found", "named"),
    [
        (coded(SNOMED, "72607000"), "", "intrathecal", False),
        (coded(SNOMED, "420719007"), "", "intraventricular", False),
        (coded(SNOMED, "47625008"), "", "not intrathecal", False),
        (coded(SNOMED, "26643006"), "", "not intrathecal", False),
        (coded(SNOMED, "34206005"), "", "not intrathecal", False),
        (coded(SNOMED, "78421000"), "", "not intrathecal", False),
        (coded(SNOMED, "58100008"), "", "not intrathecal", False),
        (coded(SNOMED, "420287000", "intrathecal"), "", "missing", False),
        (coded(SNOMED, "47625008"), "give intrathecally", "missing", True),
        (coded(SNOMED, "47625008"), "not for intrathecal use", "not intrathecal", False),
        (coded(SNOMED, "72607000"), "give intrathecally", "intrathecal", True),
        ({"text": "intrathecal"}, "", "intrathecal", False),
        ({"text": "IT"}, "", "intrathecal", False),
        ({"text": "intravenous"}, "", "not intrathecal", False),
        ({"text": "IV or IT"}, "", "intrathecal", False),
        ({"text": "as directed"}, "", "missing", False),
        ({}, "give 12 mg IT", "missing", True),
        ({}, "GIVE 12 MG NOW IT", "missing", False),
        ({}, "12 mg", "missing", False),
        (coded(SNOMED, "420287000"), "", "missing", False),
    ],
)
def test_the_route(route: Json, text: str, found: str, named: bool) -> None:
    told = instruction(route=route, text=text, site={})
    assert (told.route.value, told.named) == (found, named)
    assert told.is_intrathecal is (found.startswith("intra") or (found == "missing" and named))


@pytest.mark.parametrize(
    "members",
    [
        {"dosage": {"route": {}, "site": {}, "text": "", "patientInstruction": "intrathecal"}},
        {
            "dosage": {
                "route": {},
                "site": {},
                "text": "",
                "additionalInstruction": [{"text": "intrathecal"}],
            }
        },
        {"dosage": {"route": {}, "text": "", "site": {"text": "intrathecal"}}},
        {"dosage": {"route": {}, "site": {}, "text": ""}, "note": [{"text": "intrathecal"}]},
    ],
)
def test_where_a_text_may_name_the_route(members: Json) -> None:
    assert read(**members).instructions[0].named


def test_a_text_that_names_the_csf_makes_a_vinca_order_intrathecal() -> None:
    dosage = {"route": coded(SNOMED, "47625008"), "text": "give intrathecally", "site": {}}
    found = read(medicationCodeableConcept={"text": "vincristine"}, dosage=dosage)
    assert found.instructions[0].route.value == "intrathecal"


@pytest.mark.parametrize(
    ("dosage", "access"),
    [
        ({"site": {"text": "Ommaya reservoir"}}, "reservoir"),
        ({"site": {"text": "lumbar puncture"}}, "lumbar"),
        ({"site": {"text": "lumbar"}, "text": "not by Ommaya reservoir"}, "lumbar"),
        ({"site": {"text": "Ommaya"}, "text": "by lumbar puncture"}, "lumbar"),
        ({"site": {}, "text": "via Ommaya reservoir"}, "reservoir"),
        ({"site": {}, "text": "not via Ommaya reservoir"}, "not stated"),
        ({"site": {}, "text": "12 mg"}, "not stated"),
        ({"site": {}, "text": "", "route": coded(SNOMED, "420719007")}, "reservoir"),
        ({"site": {}, "text": "", "route": {"text": "intrathecal, lumbar"}}, "lumbar"),
    ],
)
def test_the_access(dosage: Json, access: str) -> None:
    assert instruction(**dosage).access.value == access


def dose(*quantities: Json, **dosage: Any) -> tuple[float | None, str, float | None]:
    told = instruction(doseAndRate=[{"doseQuantity": q} for q in quantities], **dosage).dose
    return told.number, told.unit.value, told.milligrams


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ({"value": 12, "unit": "mg"}, (12, "mg", 12)),
        ({"value": 0.012, "unit": "g"}, (0.012, "mg", 12)),
        ({"value": 12000, "code": "ug"}, (12000, "mg", 12)),
        ({"value": 12, "code": "mg", "unit": "milligram"}, (12, "mg", 12)),
        ({"value": 12, "unit": "mg/m2"}, (12, "per body size", None)),
        ({"value": 12, "code": "mg", "unit": "mg/m²"}, (12, "per body size", None)),
        ({"value": 0.5, "unit": "mg/kg"}, (0.5, "per body size", None)),
        ({"value": 5, "unit": "mL"}, (5, "unreadable", None)),
        ({"value": 12}, (12, "unreadable", None)),
        ({"value": 0, "unit": "mg"}, (None, "unreadable", None)),
        ({"value": -1, "unit": "mg"}, (None, "unreadable", None)),
        ({"unit": "mg"}, (None, "unreadable", None)),
    ],
)
def test_the_dose(quantity: Json, expected: tuple[float | None, str, float | None]) -> None:
    assert dose(quantity) == expected


@pytest.mark.parametrize("per", ["mg/m2", "mg/kg"])
def test_a_dose_per_body_size_is_told_with_its_unit(per: str) -> None:
    told = instruction(doseAndRate=[{"doseQuantity": {"value": 1, "unit": per}}]).dose
    assert told.per == per


def test_of_several_doses_the_highest_mass_counts() -> None:
    low, high, volume = (
        {"value": 10, "unit": "mg"},
        {"value": 0.015, "unit": "g"},
        {"value": 20, "unit": "mL"},
    )
    assert dose(low, high, volume) == (0.015, "mg", 15)
    assert dose(volume, high, low) == (0.015, "mg", 15)
    assert dose(volume, {"value": 5, "unit": "mL"}) == (20, "unreadable", None)
    assert dose() == (None, "unreadable", None)


def test_the_ordered_dose_beats_a_calculated_one() -> None:
    system = "http://terminology.hl7.org/CodeSystem/dose-rate-type"
    rates = [
        {"type": coded(system, "calculated"), "doseQuantity": {"value": 15, "unit": "mg"}},
        {"type": coded(system, "ordered"), "doseQuantity": {"value": 12, "unit": "mg"}},
    ]
    assert instruction(doseAndRate=rates).dose.milligrams == 12


def test_a_text_per_body_size_overrides_the_unit() -> None:
    told = instruction(doseAndRate=[UCUM_MG], text="12 mg/m2 intrathecal").dose
    assert (told.number, told.unit.value, told.milligrams, told.per) == (
        12,
        "per body size",
        None,
        "mg/m2 or mg/kg",
    )


@pytest.mark.parametrize(
    ("text", "note", "volume"),
    [
        ("12 mg in 12 mL", None, 12),
        ("total volume 6.5 mL", None, 6.5),
        ("12 mg", "dilute to 10 mL", 10),
        ("12 mg in 12 mL", "final volume 10 mL", 12),
        ("12 mg from a 2 mL vial", None, None),
        ("12 mg", None, None),
    ],
)
def test_the_final_volume(text: str, note: str | None, volume: float | None) -> None:
    notes = [{"text": note}] if note else []
    assert read(dosage={"text": text}, note=notes).instructions[0].volume == volume


@pytest.mark.parametrize(
    ("dosage", "daily"),
    [
        ({"text": "12 mg daily"}, True),
        ({"text": "12 mg every 24 hours"}, True),
        ({"text": "12 mg twice weekly"}, False),
        ({"text": "12 mg", "timing": {"code": {"text": "once daily"}}}, True),
        (
            {"text": "", "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}},
            True,
        ),
        ({"text": "", "timing": {"repeat": {"period": 1, "periodUnit": "d"}}}, True),
        ({"text": "", "timing": {"repeat": {"frequency": 2, "periodUnit": "d"}}}, True),
        ({"text": "", "timing": {"repeat": {"frequency": 1, "periodUnit": "d"}}}, True),
        (
            {"text": "", "timing": {"repeat": {"frequency": 3, "period": 2, "periodUnit": "d"}}},
            True,
        ),
        (
            {"text": "", "timing": {"repeat": {"frequency": 1, "period": 2, "periodUnit": "d"}}},
            False,
        ),
        (
            {"text": "", "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk"}}},
            False,
        ),
    ],
)
def test_daily(dosage: Json, daily: bool) -> None:
    assert instruction(**dosage).daily is daily


@pytest.mark.parametrize(
    ("members", "formulation"),
    [
        ({"dosage": {"text": "12 mg"}}, "not stated"),
        ({"dosage": {"text": "12 mg preservative-free"}}, "preservative-free"),
        (
            {"dosage": {"text": "12 mg"}, "note": [{"text": "preservative free"}]},
            "preservative-free",
        ),
        ({"dosage": {"text": "with benzyl alcohol"}}, "preserved"),
        (
            {"dosage": {"text": "preservative-free"}, "note": [{"text": "benzyl alcohol"}]},
            "preserved",
        ),
        ({"dosage": {"text": "no benzyl alcohol, use preservative-free"}}, "preservative-free"),
        (
            {
                "dosage": {"text": "12 mg"},
                "medicationCodeableConcept": {"text": "methotrexate preservative-free"},
            },
            "preservative-free",
        ),
        (
            {"dosage": {"text": "", "additionalInstruction": [{"text": "preservative-free"}]}},
            "preservative-free",
        ),
    ],
)
def test_the_formulation(members: Json, formulation: str) -> None:
    assert read(**members).instructions[0].formulation.value == formulation


@pytest.mark.parametrize(
    ("timing", "planned"),
    [
        ({"event": ["2026-11-25T08:00:00Z", "2026-11-28"]}, datetime(2026, 11, 25, 8, tzinfo=UTC)),
        (
            {"repeat": {"boundsPeriod": {"start": "2026-11-26T09:00:00Z"}}},
            datetime(2026, 11, 26, 9, tzinfo=UTC),
        ),
        (
            {
                "event": ["2026-11-25T08:00:00Z"],
                "repeat": {"boundsPeriod": {"start": "2026-11-26T09:00:00Z"}},
            },
            datetime(2026, 11, 25, 8, tzinfo=UTC),
        ),
        ({"event": ["soon"]}, datetime(2026, 11, 21, 12, tzinfo=UTC)),
        ({"repeat": {"frequency": 1}}, datetime(2026, 11, 21, 12, tzinfo=UTC)),
        (None, datetime(2026, 11, 21, 12, tzinfo=UTC)),
    ],
)
def test_the_planned_time(timing: Json | None, planned: datetime) -> None:
    found = instruction(timing=timing).planned
    assert found is not None
    assert (found.day, found.instant) == (planned.date(), planned)


@pytest.mark.parametrize(
    ("members", "oral"),
    [
        ({}, False),
        ({"medicationCodeableConcept": {"text": "methotrexate 2.5 mg tablet"}}, True),
        ({"dosage": {"route": coded(SNOMED, "26643006")}}, True),
        ({"dosage": {"text": "take 5 tablets"}}, True),
    ],
)
def test_an_oral_product(members: Json, oral: bool) -> None:
    assert read(**members).oral_product is oral


def test_one_oral_instruction_makes_the_product_oral() -> None:
    instructions = [{"text": "12 mg"}, {"route": coded(SNOMED, "26643006")}]
    assert read(dosageInstruction=instructions).oral_product
    assert read(dosageInstruction=instructions[::-1]).oral_product


TIMED = {"timing": {"event": ["2026-11-22T08:00:00Z"]}}


def again(**members: Any) -> Json:
    own = {"status": "active", "intent": "order", "dosage": TIMED}
    return order("server", **{**own, **members})


SYSTEM = {"system": "urn:orders", "value": "17"}


@pytest.mark.parametrize(
    ("draft", "server", "same"),
    [
        ({}, {}, False),
        ({}, {"id": "d1"}, True),
        ({"identifier": [SYSTEM]}, {"identifier": [SYSTEM]}, True),
        ({"identifier": [SYSTEM]}, {"identifier": [{**SYSTEM, "value": "18"}]}, False),
        ({"identifier": [{"value": "17"}]}, {"identifier": [{"value": "17"}]}, False),
        ({"identifier": [{"system": "urn:o"}]}, {"identifier": [{"system": "urn:o"}]}, False),
        ({"priorPrescription": {"reference": "MedicationRequest/server"}}, {}, True),
        ({"basedOn": [{"reference": "MedicationRequest/server"}]}, {}, True),
        ({"basedOn": [{"reference": "ServiceRequest/server"}]}, {}, False),
        ({"basedOn": [{"reference": "https://a.example/MedicationRequest/server"}]}, {}, True),
        ({"basedOn": [{"reference": "MedicationRequest/server/_history/2"}]}, {}, True),
        ({}, {"priorPrescription": {"reference": "MedicationRequest/d1"}}, True),
        ({}, {"basedOn": [{"reference": "MedicationRequest/other"}]}, False),
    ],
)
def test_the_same_order_seen_twice_is_no_duplicate(draft: Json, server: Json, same: bool) -> None:
    found = signed(again(**server), orders=[order(**draft)])
    assert (("mtx-interval", "warning") not in found) is same


@pytest.mark.parametrize(
    ("members", "counts"),
    [
        ({}, True),
        ({"intent": "original-order"}, True),
        ({"intent": "instance-order"}, True),
        ({"intent": "filler-order"}, True),
        ({"intent": "proposal"}, False),
        ({"intent": "plan"}, False),
        ({"intent": "reflex-order"}, False),
        ({"status": "on-hold"}, False),
        ({"status": "completed"}, False),
        ({"doNotPerform": True}, False),
        ({"medicationCodeableConcept": {"text": "cytarabine"}}, False),
        ({"dosage": {**TIMED, "route": {}, "site": {}, "text": "12 mg"}}, False),
        ({"dosage": {**TIMED, "route": {}, "site": {}, "text": "12 mg intrathecal"}}, True),
    ],
)
def test_which_active_orders_are_too_close(members: Json, counts: bool) -> None:
    found = signed(again(**members), orders=[order()])
    assert (("mtx-interval", "warning") in found) is counts


@pytest.mark.parametrize(
    ("hour", "ordered", "given", "close"),
    [
        (47, 12, 12, True),
        (48, 12, 12, False),
        (47, 2, 12, True),
        (47, 12, 2, True),
        (47, 2, 2, False),
        (47, 2, 2.1, True),
        (47, 2, None, True),
    ],
)
def test_when_an_earlier_dose_is_too_close(
    hour: int, ordered: float, given: float | None, close: bool
) -> None:
    start = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp() - hour * 3600
    quantity = {"dose": {"value": given, "unit": "mg"}} if given else {}
    earlier = about(
        "MedicationAdministration",
        "g",
        status="completed",
        medicationCodeableConcept={"text": "methotrexate"},
        effectiveDateTime=datetime.fromtimestamp(start, UTC).isoformat(),
        dosage={"route": coded(SNOMED, "72607000"), **quantity},
    )
    draft = order(dosage={"doseAndRate": [{"doseQuantity": {"value": ordered, "unit": "mg"}}]})
    assert (("mtx-interval", "critical") in signed(earlier, orders=[draft])) is close


def test_a_later_dose_is_no_earlier_one() -> None:
    later = about(
        "MedicationAdministration",
        "g",
        status="completed",
        medicationCodeableConcept={"text": "methotrexate"},
        effectiveDateTime="2026-11-21T13:00:00Z",
        dosage={"route": coded(SNOMED, "72607000")},
    )
    assert ("mtx-interval", "critical") not in signed(later, orders=[order()])


@pytest.mark.parametrize(
    ("value", "name", "reading"),
    [
        (45, "eGFR", {"value": 45, "unit": "mL/min/1.73 m2"}),
        (44, "eGFR", {"value": 45, "comparator": "<", "unit": "mL/min"}),
    ],
)
def test_an_egfr_is_read_in_its_units(value: float, name: str, reading: Json) -> None:
    entry = about(
        "Observation",
        "e",
        status="final",
        code=coded(LOINC, "62238-1"),
        effectiveDateTime="2026-11-12",
        valueQuantity=reading,
    )
    found = Chart(record(entry)).laboratory("egfr")
    assert found is not None
    assert found.source.label == name
    assert found.value is not None
    assert value <= found.value <= 45
