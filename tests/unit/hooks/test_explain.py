"""The explanation of a call, member by member."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from hooks import SERVICES
from hooks.answer import Verdict
from hooks.facts.fact import question
from hooks.facts.order import OrderCheck
from hooks.order_sign import rules
from tests import deck
from tests.charts.build import chart
from tests.charts.request import request
from tests.test_examples import EXAMPLES
from tests.unit.hooks.records import BREAST, LM, order, record


def test_an_entry_tells_outcome_wording_facts_and_evidence() -> None:
    told = SERVICES["lm-patient-view"].explanation(record(BREAST, LM))
    entry = next(one for one in told if one["id"] == "record-kps")
    asked = "Is leptomeningeal metastasis established, by diagnosis or by positive cytology?"
    facts = {fact["fact"]: fact for fact in entry.pop("facts")}
    assert entry == {
        "id": "record-kps",
        "title": "Performance status unknown in established LM",
        "order": None,
        "outcome": "applies",
        "indicator": "info",
        "wording": "none",
        "notVerified": [],
    }
    assert facts["lm_established"] == {
        "fact": "lm_established",
        "question": asked,
        "truth": "yes",
        "value": None,
        "evidence": [
            {
                "reference": "Condition/lm",
                "label": "leptomeningeal metastasis, confirmed",
                "value": None,
                "date": "2026-09-01",
                "matched": "code",
            }
        ],
        "missing": [],
    }
    assert facts["poor_status_or_prognosis"]["missing"] == ["a current KPS or ECOG"]


def test_a_silent_entry_has_no_indicator() -> None:
    told = SERVICES["lm-order-sign"].explanation(record(BREAST, LM, orders=[order()]))
    entry = next(one for one in told if one["id"] == "vinca-intrathecal")
    assert (entry["order"], entry["outcome"]) == ("MedicationRequest/d1", "does not apply")
    assert (entry["indicator"], entry["wording"]) == (None, None)
    unverified = next(one for one in told if one["id"] == "mtx-not-verifiable")
    assert unverified["notVerified"]


def test_a_verified_order_says_that_nothing_is_missing(tmp_path: Path) -> None:
    case = next(case for case in deck.own_cases() if case.name == "dose: adult 12.5 mg")
    body = request(case.chart("mixed"), case.hook, "prefetch")
    client = deck.flask_client(tmp_path)
    told = client.post("/sandbox/explain/lm-order-sign", json=body).get_json()["recommendations"]
    entry = next(one for one in told if one["id"] == "mtx-not-verifiable")
    assert (entry["outcome"], entry["notVerified"]) == ("does not apply", [])
    assert [(fact["fact"], fact["truth"]) for fact in entry["facts"]] == [("unverified", "no")]


def test_every_fact_of_an_explanation_has_its_question(tmp_path: Path) -> None:
    client = deck.flask_client(tmp_path)
    seen = {(e.recommendation, e.outcome): e for e in EXAMPLES}
    for example in seen.values():
        body = request(chart(example.facts, "mixed"), example.hook, "prefetch")
        answer = client.post(f"/sandbox/explain/{deck.SERVICE_OF[example.hook]}", json=body)
        told = answer.get_json()["recommendations"]
        named = {fact["fact"] for entry in told for fact in entry["facts"]}
        assert [name for name in named if not question(name)] == []


def test_every_rule_of_an_order_gives_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule without one would pass for a recommendation that does not concern the order."""
    given: list[Verdict] = []
    asked = rules.verdicts

    def verdicts(check: OrderCheck, by_facts: Mapping[str, rules.Rule]) -> dict[str, Verdict]:
        found = asked(check, by_facts)
        given.extend(found.values())
        return found

    monkeypatch.setattr(rules, "verdicts", verdicts)
    client = deck.flask_client(tmp_path)
    for example in {(e.recommendation, e.outcome): e for e in EXAMPLES}.values():
        if example.hook == "order-sign":
            deck.ask(client, chart(example.facts, "mixed"), example.hook)
    assert given
    assert all(isinstance(verdict, Verdict) for verdict in given)
