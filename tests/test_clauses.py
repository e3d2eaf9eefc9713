"""Every clause is true and false at least once over the cases of this project."""

from __future__ import annotations

import pytest

from hooks import SERVICES
from hooks.answer import Outcome, Truth
from hooks.facts.fact import FACTS
from tests.tools import clause_report
from tests.tools.clause_report import Counts

RECOMMENDATIONS = {
    name: recommendation
    for service in SERVICES.values()
    for name, recommendation in service.catalogue.recommendations.items()
}
NAMED = [
    (name, fact)
    for name, recommendation in RECOMMENDATIONS.items()
    for group in (recommendation.applies_when or {}).values()
    for fact in group
]
"""Recommendations whose file names facts, with each of them."""


@pytest.fixture(scope="module")
def counts() -> Counts:
    return clause_report.counted(clause_report.own_calls())


def test_the_page_is_current(counts: Counts) -> None:
    """Renew it with `python -m tests.tools.clause_report --write`."""
    assert clause_report.PAGE.read_text(encoding="utf-8") == clause_report.page(counts)


@pytest.mark.parametrize("name", RECOMMENDATIONS)
def test_a_recommendation_applies_and_does_not(counts: Counts, name: str) -> None:
    held = {outcome: counts.recommendations[name, outcome] for outcome in Outcome}
    assert held[Outcome.APPLIES]
    assert held[Outcome.DOES_NOT_APPLY]


@pytest.mark.parametrize("fact", sorted(FACTS))
def test_a_fact_is_yes_and_not_yes(counts: Counts, fact: str) -> None:
    held = {truth: counts.facts[fact, truth] for truth in Truth}
    assert held[Truth.YES]
    assert held[Truth.NO] or held[Truth.UNKNOWN]


@pytest.mark.parametrize(("name", "fact"), NAMED)
def test_a_fact_that_a_file_names_decides_both_ways(counts: Counts, name: str, fact: str) -> None:
    held = {truth: counts.pairs[name, fact, truth] for truth in Truth}
    assert held[Truth.YES]
    assert held[Truth.NO] or held[Truth.UNKNOWN]
