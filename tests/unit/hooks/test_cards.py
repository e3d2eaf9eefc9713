"""Cards: their order and number, what they offer, and how several orders share one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hooks import SERVICES, order_not_checked
from hooks.engine.cards import Card
from hooks.engine.items import Dismissal
from hooks.fhir import MedicationRequest
from hooks.order_sign import rules
from hooks.readings.chart import Chart
from hooks.record import Failure
from hooks.values.translation import translated
from tests.unit.hooks.records import (
    BREAST,
    LM,
    LOINC,
    NOW,
    SNOMED,
    about,
    coded,
    observed,
    order,
    problem,
    record,
)
from tests.unit.hooks.test_findings_of_charts import CAUDA, HEADACHE, LUNG, NEGATIVE, cytology
from tests.unit.hooks.test_findings_of_orders import ALLERGY, at, dose, given, platelets, vinca

Json = dict[str, Any]
CHARTS, ORDERS = SERVICES["lm-patient-view"], SERVICES["lm-order-sign"]


def on_chart(*resources: Json, **options: Any) -> list[tuple[str, str]]:
    found = CHARTS.items(record(*resources, **options))
    return [(item.recommendation, item.indicator.value) for item in found]


def on_orders(*resources: Json, orders: tuple[Json, ...]) -> list[tuple[str, str]]:
    found = ORDERS.items(record(*resources, orders=orders))
    return [(item.recommendation, item.indicator.value) for item in found]


def test_at_chart_open_items_follow_the_catalogue_whatever_their_indicator() -> None:
    poor = observed("kps", coded(LOINC, "89243-0"), valueInteger=40)
    expectations = [
        ("best-supportive-care", "warning"),
        ("neuraxis-mri-missing", "warning"),
        ("eano-classification", "info"),
        ("molecular-result-missing", "info"),
    ]
    assert on_chart(BREAST, LM, poor) == expectations


def test_at_chart_open_what_is_critical_comes_first_and_what_was_not_read_last() -> None:
    failures = (Failure("Device", "timeout"),)
    found = on_chart(BREAST, CAUDA, HEADACHE, failures=failures)
    assert found == [("suspected-lm", "critical"), ("data-incomplete", "info")]
    sampled = on_chart(BREAST, CAUDA, cytology(NEGATIVE))
    assert sampled[0] == ("suspected-lm", "critical")
    assert [name for name, _ in sampled[1:]] == ["repeat-lp"]


def test_at_order_signing_items_are_sorted_by_indicator() -> None:
    found = on_orders(BREAST, LM, ALLERGY, orders=(vinca(), order(), dose(20, "mg")))
    levels = [level for _, level in found]
    assert levels == sorted(levels, key=["critical", "warning", "info"].index)
    assert {"critical", "warning"} <= set(levels)


@pytest.mark.parametrize(
    ("resources", "reported"),
    [
        ((BREAST,), True),
        ((), False),
        ((BREAST, problem("h", {"text": "Hospice care"})), False),
        ((problem("h", {"text": "Hospice care"}),), False),
        (({"resourceType": "Patient", "id": "p", "birthDate": "2015-01-01"}, BREAST), False),
        (({"resourceType": "Patient", "id": "p"}, BREAST), True),
    ],
)
def test_who_gets_a_card_on_what_could_not_be_read(
    resources: tuple[Json, ...], reported: bool
) -> None:
    found = on_chart(*resources, failures=(Failure("Device", "timeout"),))
    assert found == ([("data-incomplete", "info")] if reported else [])


def cards(service: Any, limit: int, *resources: Json, **options: Any) -> tuple[Card, ...]:
    short = replace(service, catalogue=replace(service.catalogue, card_limit=limit))
    found: tuple[Card, ...] = short.cards(record(*resources, **options))
    return found


MANY = (LUNG, LM)


def sizes(found: tuple[Card, ...]) -> list[int]:
    return [len(card.items) for card in found]


@pytest.mark.parametrize(
    ("limit", "expected"), [(1, [4]), (2, [1, 3]), (3, [1, 1, 2]), (4, [1] * 4), (5, [1] * 4)]
)
def test_beyond_the_limit_the_less_urgent_items_share_a_card(
    limit: int, expected: list[int]
) -> None:
    assert sizes(cards(CHARTS, limit, *MANY)) == expected


def test_every_critical_item_has_a_card_of_its_own() -> None:
    overdose = order(
        dosage={"doseAndRate": [{"doseQuantity": {"value": 60, "unit": "mg"}}], "text": "60 mg"}
    )
    found = cards(
        ORDERS, 2, BREAST, LM, ALLERGY, given("g", "2026-11-21T08:00:00Z"), orders=[overdose]
    )
    own = [card for card in found if len(card.items) == 1]
    critical = [i for card in found for i in card.items if i.indicator.value == "critical"]
    assert len(critical) == 3
    assert [card.items[0].indicator.value for card in own] == ["critical"] * 3
    assert len(found) == 4
    assert found[-1].body["indicator"] == "warning"
    assert found[-1].body["source"]["topic"]["code"] == "lm-guidance"
    assert found[-1].body["summary"].startswith(f"LM guidance: {len(found[-1].items)} further")


def suggestions(*orders: Json, resources: tuple[Json, ...] = (BREAST, LM)) -> list[Json]:
    found = ORDERS.cards(record(*resources, orders=orders))
    return [s for card in found for s in card.body.get("suggestions", ())]


def changed(start: str, *orders: Json) -> Json:
    held = [s for s in suggestions(*orders) if s["label"].startswith(start)]
    assert held, start
    resource: Json = held[0]["actions"][0]["resource"]
    return resource


def test_a_suggested_dose_replaces_dose_and_text_and_keeps_the_rest() -> None:
    found = changed("Change the dose", dose(20, "mg"))
    (instruction,) = found["dosageInstruction"]
    quantity = {"value": 12, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
    assert instruction["doseAndRate"] == [{"doseQuantity": quantity}]
    assert "text" not in instruction
    assert instruction["route"] == coded(SNOMED, "72607000")
    assert (found["id"], found["status"], found["intent"]) == ("d1", "draft", "order")


def test_a_changed_order_without_status_and_intent_is_a_draft_of_a_proposal() -> None:
    bare = dose(20, "mg")
    del bare["status"], bare["intent"]
    found = changed("Change the dose", bare)
    assert (found["status"], found["intent"]) == ("draft", "proposal")


def test_a_suggested_note_is_added_to_those_of_the_order() -> None:
    high = order(dosage={"text": "12 mg preservative-free. 12 mg in 6 mL"}, note=[{"text": "x"}])
    notes = changed("Add a note", high)["note"]
    assert notes[0] == {"text": "x"}
    assert len(notes) == 2
    without = order(dosage={"text": "12 mg preservative-free. 12 mg in 6 mL"})
    assert len(changed("Add a note", without)["note"]) == 1


def test_a_route_in_words_can_be_coded_in_one_click() -> None:
    draft = order(dosage={"route": {}, "text": "12 mg intrathecal", "site": {}})
    routes = [
        s["actions"][0]["resource"]["dosageInstruction"][0]["route"]["coding"][0]["code"]
        for s in suggestions(draft)
        if s["label"].startswith("Code the route")
    ]
    assert routes == ["72607000", "420719007"]
    assert "route" in draft["dosageInstruction"][0]


def test_the_age_that_a_dose_is_suggested_for() -> None:
    child = {"resourceType": "Patient", "id": "p", "birthDate": "2024-11-22"}
    later = order("d1", dosage={**at("2026-11-22"), "text": "x"})
    now = order("d2")
    chart = Chart(record(child, orders=[later, now]))
    assert ORDERS.ages(chart) == {"MedicationRequest/d1": 2, "MedicationRequest/d2": 1}
    year = {**child, "birthDate": "2024"}
    assert ORDERS.ages(Chart(record(year, orders=[now]))) == {"MedicationRequest/d2": 1}
    unborn = {**child, "birthDate": "unknown"}
    assert ORDERS.ages(Chart(record(unborn, orders=[now]))) == {"MedicationRequest/d2": None}
    held = record(child, orders=[now])
    foreign = replace(held, drafts=(replace(held.drafts[0], another_patient=True),))
    assert ORDERS.ages(Chart(foreign)) == {"MedicationRequest/d2": None}


def test_of_several_instructions_the_worst_counts_and_all_gaps_are_named() -> None:
    first = order()["dosageInstruction"][0]
    worse = {**first, "doseAndRate": [{"doseQuantity": {"value": 60, "unit": "mg"}}]}
    lumbar = {**first, "site": {"text": "lumbar"}, "doseAndRate": []}
    for instructions in ([first, worse, lumbar], [lumbar, worse, first]):
        found = record(BREAST, LM, orders=[{**order(), "dosageInstruction": instructions}])
        items = {(i.recommendation, i.indicator.value): i for i in ORDERS.items(found)}
        assert ("mtx-dose-for-age", "critical") in items
        unknowns = items["mtx-not-verifiable", "warning"].findings[0].verdict.unknowns
        assert set(unknowns) == {"dose/unit", "CSF flow", "shunt status", "platelets"}


@pytest.mark.parametrize("doses", [(5, 60), (60, 5), (60, 5, 12)])
def test_the_most_urgent_dose_of_an_order_counts(doses: tuple[float, ...]) -> None:
    first = order()["dosageInstruction"][0]
    told = [
        {**first, "doseAndRate": [{"doseQuantity": {"value": value, "unit": "mg"}}]}
        for value in doses
    ]
    found = on_orders(BREAST, LM, orders=({**order(), "dosageInstruction": told},))
    assert [level for name, level in found if name == "mtx-dose-for-age"] == ["critical"]


def test_gaps_of_every_possible_age_and_instruction_fill_the_card() -> None:
    first = order()["dosageInstruction"][0]
    lumbar = {**first, "site": {"text": "lumbar"}}
    draft = {**order(), "dosageInstruction": [first, lumbar]}
    (card,) = [
        card
        for card in ORDERS.cards(record(BREAST, LM, orders=[draft]))
        if card.items[0].recommendation == "mtx-not-verifiable"
    ]
    assert "CSF flow, shunt status and platelets" in card.body["summary"]


def test_two_orders_with_one_problem_share_a_card_that_names_both() -> None:
    orders = (dose(20, "mg"), {**dose(21, "mg"), "id": "d2"})
    found = ORDERS.cards(record(BREAST, LM, orders=orders))
    (card,) = [c for c in found if c.items[0].recommendation == "mtx-dose-for-age"]
    assert "- MedicationRequest/d1 (20 mg)" in card.body["detail"]
    assert "- MedicationRequest/d2 (21 mg)" in card.body["detail"]
    changes = [s["label"] for s in card.body["suggestions"]]
    assert changes == [
        "Change the dose to 12 mg; check volume and text (MedicationRequest/d1)",
        "Change the dose to 12 mg; check volume and text (MedicationRequest/d2)",
    ]


def test_what_was_read_from_text_says_so() -> None:
    words, code = problem("h", {"text": "Double vision"}), problem("s", coded(SNOMED, "24982008"))

    def detail(entry: Json) -> str:
        told: str = CHARTS.cards(record(BREAST, entry))[0].body["detail"]
        return told

    assert "diplopia, 12 Nov 2026 (read from text), Condition/h" in detail(words)
    assert "diplopia, 12 Nov 2026, Condition/s" in detail(code)


def test_a_dismissed_item_comes_back_with_new_evidence_and_a_critical_one_stays() -> None:
    def dismissed(*resources: Json) -> list[Dismissal]:
        found = CHARTS.items(record(*resources))
        return [Dismissal(i.recommendation, i.fingerprint, NOW - timedelta(1)) for i in found]

    quiet = dismissed(BREAST, HEADACHE)
    assert CHARTS.items(record(BREAST, HEADACHE), quiet) == []
    assert CHARTS.items(record(BREAST, HEADACHE, platelets(200)), quiet) == []
    worse = problem("n", {"text": "Double vision"})
    assert CHARTS.items(record(BREAST, HEADACHE, worse), quiet) != []
    assert CHARTS.items(record(BREAST, CAUDA), dismissed(BREAST, CAUDA)) != []


def test_of_a_suspicion_only_new_findings_bring_a_dismissed_item_back() -> None:
    vision = problem("s", {"text": "Double vision"})
    deaf = problem("d", {"text": "Sudden hearing loss"})
    found = CHARTS.items(record(BREAST, vision))
    quiet = [Dismissal(i.recommendation, i.fingerprint, NOW) for i in found]
    assert CHARTS.items(record(BREAST, {**LUNG, "id": "l"}, vision), quiet) == []
    levels = {i.indicator for i in (*found, *CHARTS.items(record(BREAST, vision, deaf), quiet))}
    assert [level.value for level in levels] == ["warning"]
    assert len(CHARTS.items(record(BREAST, vision, deaf), quiet)) == 1


def test_each_data_gap_is_named_once() -> None:
    failures = [Failure("Device", "timeout"), Failure("Observation", "http-503")]
    found = CHARTS.cards(record(BREAST, failures=[*failures, failures[0]]))
    (card,) = found
    assert card.body["detail"].count("Device could not be read (timeout)") == 1
    assert "Observation could not be read (http-503)" in card.body["detail"]
    basis = card.body["extension"]["org.lm-cds-hooks.basis"]
    assert basis["unknowns"] == [
        {"category": "Device", "reason": "timeout"},
        {"category": "Observation", "reason": "http-503"},
    ]


def test_unreadable_contained_codes_stay_as_they_are_at_a_site() -> None:
    inner = {"resourceType": "Medication", "id": "m", "code": {"coding": "none"}}
    held = record(orders=[order(contained=[inner])]).drafts[0].resource
    assert isinstance(held, MedicationRequest) or held is None
    value = (inner,)
    assert translated(value, {("urn:x", "1"): ("drug-methotrexate",)}) == value


def test_an_unreadable_member_of_an_order_leaves_the_rest_to_be_checked() -> None:
    broken = order(note="not a list", dosage=dose(60, "mg")["dosageInstruction"][0])
    found = on_orders(BREAST, LM, orders=(broken,))
    assert ("mtx-dose-for-age", "critical") in found
    held = ORDERS.findings(record(BREAST, LM, orders=[broken]))
    (gap,) = [one for one in held if one.recommendation == "mtx-not-verifiable"]
    assert gap.verdict.unknowns == (rules.UNREADABLE_ORDER, "CSF flow", "shunt status")


def test_an_order_of_another_resource_type_is_checked_by_no_rule() -> None:
    other = about("ServiceRequest", "s", status="draft", intent="order")
    found = on_orders(BREAST, LM, orders=(other,))
    assert found == [("mtx-not-verifiable", "warning")]


def test_the_card_of_an_order_that_was_not_checked() -> None:
    card = order_not_checked("2026.1.0")
    assert card.items == ()
    body = card.body
    assert (body["indicator"], body["source"]["topic"]["code"]) == ("warning", "mtx-not-verifiable")
    assert len(body["summary"]) < 140
    parts = body["detail"].split("\n\n")
    assert [part.split(":**")[0] for part in parts] == [
        "**Consider",
        "**Why now",
        "**Not checked or unknown",
        "**Other options",
        "**Source",
    ]
    every = "every check of intrathecal methotrexate and of vinca alkaloids"
    assert parts[2] == f"**Not checked or unknown:** {every}"
    assert body["extension"]["org.lm-cds-hooks.basis"] == {
        "contentVersion": "2026.1.0",
        "notVerified": [every],
    }
    listed = body["extension"]["org.lm-cds-hooks.recommendations"]
    assert listed == [{"id": "mtx-not-verifiable", "indicator": "warning"}]
