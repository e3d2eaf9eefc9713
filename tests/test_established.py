"""Established leptomeningeal metastasis at chart open against a second reading of the rule."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings

from tests import deck, step_p1
from tests.charts.build import chart
from tests.charts.strategies import Facts, established_facts, styles
from tests.properties import thorough

CASES = [
    case
    for case in (*deck.own_cases(), *deck.shared_cases())
    if case.hook == "patient-view" and step_p1.covers(case.facts)
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("established"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_expectation_of_the_deck(case: deck.Case) -> None:
    """The deck and the second reading were written apart; a slip in either shows here."""
    expected = step_p1.items(case.facts)
    assert case.expected == expected, deck.told(case.expected, expected)


@settings(thorough, max_examples=150)
@given(facts=established_facts(), style=styles)
def test_any_patient(client: FlaskClient, facts: Facts, style: str) -> None:
    got = deck.items(deck.ask(client, chart(facts, style), "patient-view"))
    expected = step_p1.items(facts)
    assert got == expected, deck.told(got, expected)


@pytest.mark.parametrize("words", ["BRAF G469A mutation detected.", "BRAF K601E detected."])
def test_another_change_of_braf_is_no_v600(client: FlaskClient, words: str) -> None:
    """Whether a V600 test then counts as missing is not specified."""
    base = next(case for case in CASES if case.name == "established-markers: BRAF missing")
    report = {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": {"text": "Molecular pathology report"},
        "conclusion": words,
        "issued": "@20T08:00",
    }
    for conclusion, expected in ((words, False), ("BRAF V600E mutation detected.", True)):
        facts = base.facts | {"raw": [report | {"conclusion": conclusion}]}
        names = {name for name, _ in deck.items(deck.ask(client, chart(facts), "patient-view"))}
        assert ("braf-mek-inhibitors" in names) is expected
