"""Every recommendation has exactly one way to be decided, and the fields that a card needs."""

from __future__ import annotations

from datetime import date

import pytest

import hooks
from hooks import SERVICES, order_sign, patient_view
from hooks.engine.recommendation import PLACEHOLDER, Recommendation
from hooks.facts.fact import FACTS

ALL = [r for service in SERVICES.values() for r in service.catalogue.recommendations.values()]


def test_the_package_is_ours() -> None:
    assert hooks.__file__ is not None
    assert set(SERVICES) == {"lm-patient-view", "lm-order-sign"}
    assert hooks.CONTENT_VERSION.startswith("2026.1.0+sha256.")


def test_orders_are_decided_by_a_rule_or_by_facts() -> None:
    found = SERVICES["lm-order-sign"].catalogue.recommendations
    by_facts = {name for name, recommendation in found.items() if recommendation.applies_when}
    assert by_facts | order_sign.rules.RULES == set(found)
    assert not by_facts & order_sign.rules.RULES


def test_charts_are_decided_by_a_rule() -> None:
    found = SERVICES["lm-patient-view"].catalogue.recommendations
    assert set(patient_view.RULES) == set(found)


def test_every_fact_asks_a_question() -> None:
    assert FACTS
    assert [name for name, fact in FACTS.items() if not fact.question.endswith("?")] == []


@pytest.mark.parametrize("recommendation", ALL, ids=lambda r: r.id)
def test_recommendation(recommendation: Recommendation) -> None:
    checked = date.fromisoformat(recommendation.last_checked)
    assert date(2026, 1, 1) <= checked
    kinds = {example["kind"] for example in recommendation.examples}
    assert {"fires", "excluded"} <= kinds
    for variant in recommendation.variants.values():
        assert len(PLACEHOLDER.sub("x" * 12, variant.summary)) <= 139
        assert not PLACEHOLDER.findall(" ".join(variant.options))
        told = " ".join((variant.summary, variant.why, *variant.options)).lower()
        for word in ("detected", "probability", "likelihood"):
            assert word not in told
