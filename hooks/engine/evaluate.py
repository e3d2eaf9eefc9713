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
    fact = FACTS[name]
    asked: Any = subject
    if isinstance(subject, OrderCheck) and fact.about == Chart.__name__:
        asked = subject.chart
    return fact.ask(asked)


_EXCLUDES = {"all": Truth.NO, "none": Truth.YES}
"""The answer of one fact by which a group alone excludes a recommendation."""


def _excluding(groups: Mapping[str, Iterable[str]], subject: Chart | OrderCheck) -> Answer | None:
    """The first answer that excludes a recommendation; no fact after it is asked."""
    for group, excludes in _EXCLUDES.items():
        for name in groups.get(group, ()):
            answer = _ask(name, subject)
            if answer.truth is excludes:
                return answer
    return None


def by_facts(recommendation: Recommendation, subject: Chart | OrderCheck) -> Verdict:
    """The verdict of a recommendation whose file names its facts; its first variant is used.

    What does not apply costs next to nothing: one fact that excludes it is enough.
    """
    groups = recommendation.applies_when or {}
    excluding = _excluding(groups, subject)
    if excluding:
        return Verdict(Outcome.DOES_NOT_APPLY, None, (excluding,))
    answers = {g: [_ask(name, subject) for name in names] for g, names in groups.items()}
    truth = combined({group: [a.truth for a in found] for group, found in answers.items()})
    flat = [answer for found in answers.values() for answer in found]
    if truth is Truth.YES:
        return applies(next(iter(recommendation.variants)), *flat)
    if truth is Truth.UNKNOWN:
        return silent(*(answer for answer in flat if answer.truth is Truth.UNKNOWN))
    return Verdict(Outcome.DOES_NOT_APPLY, None, tuple(flat))
