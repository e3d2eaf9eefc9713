"""Items: what a call has to say, one per recommendation and indicator (specification, 1.5, 1.6)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from hooks.answer import Answer, Finding, Indicator, Outcome, Verdict
from hooks.engine.recommendation import Catalogue
from hooks.values.parameters import window


@dataclass(frozen=True, slots=True)
class Item:
    """One recommendation id with one indicator, and the findings (orders) that it concerns.

    `fingerprint` identifies the evidence without its age: a dismissed item stays away as long as
    it is unchanged.
    """

    recommendation: str
    indicator: Indicator
    findings: tuple[Finding, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Dismissal:
    """An item that a user dismissed: recommendation, evidence, and when (UTC)."""

    recommendation: str
    fingerprint: str
    at: datetime


def rank(verdict: Verdict, indicator: Indicator | None) -> tuple[int, int]:
    """Sort key that prefers what applies, then the more urgent, then what cannot be told."""
    if verdict.outcome is Outcome.APPLIES:
        return 0, indicator.rank if indicator else 0
    return 1, int(verdict.outcome is Outcome.DOES_NOT_APPLY)


def _fingerprint(indicator: Indicator, answers: Iterable[Answer], kept: Sequence[str]) -> str:
    told = sorted(
        [answer.fact, answer.truth.value, answer.value or ""]
        for answer in answers
        if not kept or answer.fact in kept
    )
    return hashlib.sha256(orjson.dumps([indicator.value, told])).hexdigest()


def items(findings: Iterable[Finding], catalogue: Catalogue) -> list[Item]:
    """The items of all findings that apply, in priority order."""
    groups: dict[tuple[str, Indicator], list[Finding]] = {}
    for finding in findings:
        if finding.outcome is Outcome.APPLIES and finding.indicator:
            groups.setdefault((finding.recommendation, finding.indicator), []).append(finding)
    found = [_item(name, indicator, own, catalogue) for (name, indicator), own in groups.items()]
    order = list(catalogue.recommendations)

    def priority(item: Item) -> tuple[int, int]:
        level = item.indicator.rank
        urgent = level if catalogue.by_indicator else min(level, 1)
        known = item.recommendation in order
        return urgent if known else 3, order.index(item.recommendation) if known else 0

    return sorted(found, key=priority)


def _item(name: str, indicator: Indicator, own: list[Finding], catalogue: Catalogue) -> Item:
    answers = [answer for finding in own for answer in finding.verdict.answers]
    kept = catalogue.evidence.get(name, ())
    return Item(name, indicator, tuple(own), _fingerprint(indicator, answers, kept))


def without_dismissed(
    found: Iterable[Item], dismissals: Sequence[Dismissal], now: datetime
) -> list[Item]:
    """Items that were not dismissed lately with the same evidence; critical ones always stay."""
    quiet = {
        (dismissal.recommendation, dismissal.fingerprint)
        for dismissal in dismissals
        if (now.date() - dismissal.at.date()).days <= window("dismissed_days")
    }
    return [
        item
        for item in found
        if item.indicator is Indicator.CRITICAL
        or (item.recommendation, item.fingerprint) not in quiet
    ]
