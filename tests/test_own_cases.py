"""The deck of this project: every boundary by name, in every notation."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests import deck
from tests.charts.build import STYLES, chart
from tests.charts.request import request
from tests.charts.vocabulary import JsonObject

CASES = deck.own_cases()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("own"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(client: FlaskClient, case: deck.Case) -> None:
    expected = case.expected
    for style in STYLES:
        got = deck.items(deck.ask(client, case.chart(style), case.hook))
        assert got == expected, f"{style}: {deck.told(got, expected)}"


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("hook", ["patient-view", "order-sign"])
def test_every_recommendation_is_expected_and_is_absent_somewhere(hook: str) -> None:
    """Both answers of each recommendation occur in the deck."""
    cases = [case for case in CASES if case.hook == hook]
    for recommendation in deck.catalogue(hook) - {"data-incomplete"}:
        present = [recommendation in {item[0] for item in case.expected} for case in cases]
        assert any(present), f"{recommendation} is never expected"
        assert not all(present), f"{recommendation} is always expected"


def dose_card(client: FlaskClient, base: str, age: int, dose: float) -> JsonObject:
    """The dose card for an age and a dose in mg."""
    name = {"plain": "dose: adult 15 mg", "child": "dose: eight years 15 mg"}[base]
    case = next(case for case in CASES if case.name == name)
    facts = deck.merged(case.facts, {"age": age, "order": {"dose": dose}})
    shown = deck.post(client, "order-sign", request(chart(facts), "order-sign", "prefetch"))[
        "cards"
    ]
    return next(card for card in shown if card["source"]["topic"]["code"] == "mtx-dose-for-age")


@pytest.mark.parametrize(("dose", "overdose"), [(49.99, False), (50, True)])
def test_overdose_text_from_50_mg(client: FlaskClient, dose: float, overdose: bool) -> None:
    assert ("glucarpidase" in dose_card(client, "plain", 54, dose)["detail"]) is overdose


@pytest.mark.parametrize(
    ("age", "band"), [(0, 6), (1, 8), (2, 10), (3, 12), (17, 12), (18, 12), (54, 12)]
)
def test_suggested_dose_is_that_of_the_band(client: FlaskClient, age: int, band: float) -> None:
    """Offered as an update of the order; never a new order, never pre-selected."""
    suggestions = dose_card(client, "child", age, 20)["suggestions"]
    assert not any(suggestion.get("isRecommended") for suggestion in suggestions)
    actions = [action for suggestion in suggestions for action in suggestion["actions"]]
    assert {action["type"] for action in actions} == {"update"}
    updated = actions[0]["resource"]["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
    assert (updated["value"], updated["code"]) == (band, "mg")
