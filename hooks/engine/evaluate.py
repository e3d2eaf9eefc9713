"""Three-valued combination of named facts (all, any, none)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hooks.answer import Answer, Outcome, Truth, Verdict, applies, silent
from hooks.engine.recommendation import Recommendation
from hooks.facts.fact import FACTS
from hooks.facts.order import OrderCheck
from hooks.readings.chart import Chart


def every(truths: Iterable[Truth]) -> Truth:
    """Yes if every part is yes, no if any is no, else unknown."""
    found = set(truths)
    if Truth.NO in found:
        return Truth.NO
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.YES


def some(truths: Iterable[Truth]) -> Truth:
    """Yes if any part is yes, no if every part is no, else unknown."""
    found = set(truths)
    if Truth.YES in found:
        return Truth.YES
    return Truth.UNKNOWN if Truth.UNKNOWN in found else Truth.NO


_OPPOSITE = {Truth.YES: Truth.NO, Truth.NO: Truth.YES, Truth.UNKNOWN: Truth.UNKNOWN}


def combined(groups: Mapping[str, Iterable[Truth]]) -> Truth:
    """The truth of `all`, `any` and `none` together; an absent group is satisfied."""
    truths = [every(groups.get("all", ()))]
    if "any" in groups:
        truths.append(some(groups["any"]))
    if "none" in groups:
        truths.append(_OPPOSITE[some(groups["none"])])
    return every(truths)


def _ask(name: str, subject: Chart | OrderCheck) -> Answer:
    """Ask a fact of an order or, for a fact about the patient, of its chart."""
    chart_fact = FACTS[name].about == Chart.__name__
    asked: Any = subject.chart if chart_fact and isinstance(subject, OrderCheck) else subject
    return FACTS[name].ask(asked)


def by_facts(recommendation: Recommendation, subject: Chart | OrderCheck) -> Verdict:
    """The verdict of a recommendation whose file names its facts; its first variant is used."""
    groups = recommendation.applies_when or {}
    answers = {g: [_ask(name, subject) for name in names] for g, names in groups.items()}
    truth = combined({group: [a.truth for a in found] for group, found in answers.items()})
    flat = [answer for found in answers.values() for answer in found]
    if truth is Truth.YES:
        return applies(next(iter(recommendation.variants)), *flat)
    if truth is Truth.UNKNOWN:
        return silent(*(answer for answer in flat if answer.truth is Truth.UNKNOWN))
    return Verdict(Outcome.DOES_NOT_APPLY, None, tuple(flat))
