"""Readings: which of several entries counts, and where a value is told."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from hooks.answer import Evidence
from hooks.fhir import Condition, ServiceRequest, Specimen, read_resource
from hooks.order_sign.rules import drug_orders
from hooks.readings.chart import Chart
from hooks.readings.csf_space import read_hydrocephalus
from hooks.readings.medication import Drug
from hooks.readings.safety import read_leukoencephalopathy
from hooks.readings.specimens import handling
from hooks.readings.work_up import read_orders
from tests.unit.hooks.records import BREAST, LM, about, mri, order, ordered, record, signed


def observed(own_id: str, code: dict[str, Any], **value: Any) -> dict[str, Any]:
    own = {"status": "final", "code": code, "effectiveDateTime": "2026-11-19"}
    return about("Observation", own_id, **{**own, **value})


def test_leukoencephalopathy_is_that_of_the_newest_brain_mri() -> None:
    marked = "Linear leptomeningeal enhancement. Diffuse leukoencephalopathy."
    plain = "Linear leptomeningeal enhancement."

    def found(older: str, newer: str) -> str | None:
        early = mri("brain", older, "2026-09-01")
        late = mri("brain", newer, "2026-11-12")
        told = read_leukoencephalopathy((), Chart(record(BREAST, early, late)).brain)
        return told and told.reference

    assert found(marked, plain) is None
    assert found(plain, marked) == "DiagnosticReport/brain-2026-11-12"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_entries_of_hydrocephalus_the_symptomatic_one_counts(order: tuple[int, int]) -> None:
    texts = ("Asymptomatic hydrocephalus", "Symptomatic hydrocephalus")
    told = [about("Condition", f"h{i}", code={"text": texts[i]}) for i in order]
    conditions = record(*told).of(Condition)
    found = read_hydrocephalus(conditions)
    assert found is not None
    assert (found.symptomatic, found.source.reference) == (True, "Condition/h1")


@pytest.mark.parametrize(("day", "days"), [("2026-11-21", 0), ("2026-11-20", 1)])
def test_a_flow_study_of_today_is_no_day_old(day: str, days: int) -> None:
    study = about(
        "DiagnosticReport",
        "flow",
        status="final",
        code={"text": "CSF flow study"},
        conclusion="Normal CSF flow.",
        effectiveDateTime=day,
    )
    found = Chart(record(study)).flow
    assert found is not None
    assert found.days == days


@pytest.mark.parametrize("silent_first", [True, False])
def test_one_of_two_reports_of_a_day_says_that_there_is_no_shunt(silent_first: bool) -> None:
    silent = {**mri("brain", "Linear leptomeningeal enhancement."), "id": "a"}
    telling = {**mri("brain", "No shunt. Linear leptomeningeal enhancement."), "id": "b"}
    both = (silent, telling) if silent_first else (telling, silent)
    (study, *_) = Chart(record(BREAST, *both)).brain
    assert study.no_shunt
    assert not Chart(record(BREAST, silent)).brain[0].no_shunt


@pytest.mark.parametrize(("day", "recent"), [("2026-11-07", True), ("2026-11-06", False)])
def test_a_neurological_examination_is_recent_for_14_days(day: str, recent: bool) -> None:
    told = observed("n", {"text": "Neurological examination"}, effectiveDateTime=day)
    assert Chart(record(BREAST, told)).neurological_examination is recent


@pytest.mark.parametrize(("born", "ages"), [("2026-11-22", ()), ("2026-11-21", (0,))])
def test_who_is_not_born_yet_has_no_age(born: str, ages: tuple[int, ...]) -> None:
    chart = Chart(record({"resourceType": "Patient", "id": "p", "birthDate": born}))
    assert chart.ages(chart.today) == ages


@pytest.mark.parametrize(
    ("part", "fixed"),
    [
        ({"processing": [{"additive": [{"display": "Ethanol-Carbowax"}]}]}, True),
        ({"processing": [{"description": "Fixed in ethanol"}]}, True),
        ({"processing": [{"procedure": {"text": "Fixation"}}]}, True),
        ({"container": [{"additiveCodeableConcept": {"text": "Carbowax"}}]}, True),
        ({"note": [{"text": "Fixed at the bedside"}]}, True),
        ({"processing": [{"additive": [{"display": "Heparin"}]}]}, None),
    ],
)
def test_where_fixation_of_a_sample_is_told(part: dict[str, Any], fixed: bool | None) -> None:
    sample = read_resource({"resourceType": "Specimen", "id": "s", **part})
    assert isinstance(sample, Specimen)
    assert handling(sample).fixed is fixed


@pytest.mark.parametrize(
    ("given", "too_soon"),
    [("2026-11-22", True), ("2026-11-23", False), ("2026-11-22T12:00:00Z", False)],
)
def test_a_dose_dated_tomorrow_in_the_east_was_given_today(given: str, too_soon: bool) -> None:
    dose = about(
        "MedicationAdministration",
        "given",
        status="completed",
        medicationCodeableConcept={"text": "methotrexate"},
        effectiveDateTime=given,
        dosage={"route": {"text": "intrathecal"}, "dose": {"value": 12, "unit": "mg"}},
    )
    found = signed(BREAST, LM, dose, orders=[order()])
    assert (("mtx-interval", "critical") in found) is too_soon


INGREDIENTS = (
    {"resourceType": "Substance", "id": "none"},
    {"resourceType": "Substance", "id": "mtx", "code": {"text": "methotrexate"}},
    {"resourceType": "Substance", "id": "vcr", "code": {"text": "vincristine"}},
)


@pytest.mark.parametrize(
    ("referred", "drug"),
    [("mtx", Drug.METHOTREXATE), ("vcr", Drug.VINCRISTINE), ("none", Drug.UNREADABLE)],
)
def test_an_ingredient_is_the_contained_one_that_is_referred_to(referred: str, drug: Drug) -> None:
    ordered = order(
        medicationCodeableConcept=None,
        medicationReference={"reference": "#m"},
        contained=[
            {
                "resourceType": "Medication",
                "id": "m",
                "ingredient": [{"itemReference": {"reference": f"#{referred}"}}],
            },
            *INGREDIENTS,
        ],
    )
    (found,) = drug_orders(Chart(record(orders=[ordered])))
    assert found.drug is drug


def test_an_order_of_the_work_up_is_told_with_its_day() -> None:
    request = ordered("Lumbar puncture", "2026-11-20")
    found = read_orders(record(request).of(ServiceRequest), date(2026, 11, 21))
    told = Evidence("ServiceRequest/ordered", "ordered", None, date(2026, 11, 20), "code")
    assert (found.lumbar_puncture, found.neuraxis_mri) == (told, None)
