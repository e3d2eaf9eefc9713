"""Phrases and offers as lists of their own: losing one of them is seen."""

from __future__ import annotations

from hooks.values import lexicon
from tests import frozen_offers, frozen_phrases


def test_every_phrase_is_read_as_before() -> None:
    rows = frozen_phrases.frozen()
    wrong = [row for row in rows if lexicon.names(row[1], row[0]) is not (row[2] == "yes")]
    assert wrong == []


def test_every_term_has_a_phrase() -> None:
    """A new term or alternative comes with `python -m tests.frozen_phrases`."""
    assert frozen_phrases.known() == frozen_phrases.frozen()


def test_what_a_card_offers_is_as_before() -> None:
    assert frozen_offers.known() == frozen_offers.frozen()
