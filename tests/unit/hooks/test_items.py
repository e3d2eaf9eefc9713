"""Which dismissed items come back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hooks import SERVICES
from hooks.answer import Answer, Indicator, Truth, applies, silent
from hooks.engine.items import Dismissal, rank
from tests.unit.hooks.records import BREAST, LM, NOW, record

SERVICE = SERVICES["lm-patient-view"]


@pytest.mark.parametrize(("days", "back"), [(0, False), (30, False), (31, True)])
def test_a_dismissed_item_comes_back_after_30_days(days: int, back: bool) -> None:
    found = record(BREAST, LM)
    items = {item.recommendation: item for item in SERVICE.items(found)}
    item = items["record-kps"]
    at = NOW - timedelta(days=days)
    left = SERVICE.items(found, [Dismissal(item.recommendation, item.fingerprint, at)])
    shown = {item.recommendation for item in left}
    assert shown == set(items) - (set() if back else {"record-kps"})


def test_suggestions_come_with_how_many_can_be_chosen() -> None:
    cards = SERVICE.cards(record(BREAST, LM))
    offering = [card.body for card in cards if "suggestions" in card.body]
    silent = [card.body for card in cards if "suggestions" not in card.body]
    assert offering
    assert silent
    assert {body["selectionBehavior"] for body in offering} == {"any"}
    assert not any("selectionBehavior" in body for body in silent)


def test_of_two_findings_what_applies_comes_first_and_what_does_not_last() -> None:
    levels = (Indicator.CRITICAL, Indicator.WARNING, Indicator.INFO)
    keys = [
        *(rank(applies("any"), level) for level in levels),
        rank(silent(Answer("lm", Truth.UNKNOWN)), None),
        rank(silent(Answer("lm", Truth.NO)), None),
    ]
    assert keys == sorted(set(keys))
