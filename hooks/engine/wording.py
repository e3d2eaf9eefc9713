"""Fills the sentences of recommendation files; a summary is never cut inside a word."""

from __future__ import annotations

from collections.abc import Mapping

from hooks.answer import Fill
from hooks.engine.recommendation import PLACEHOLDER
from hooks.readings.wording import listed

SUMMARY_LIMIT = 139
"""CDS Hooks 2.0.1: a summary has fewer than 140 characters."""


def _shown(value: Fill, at_most: int | None) -> str:
    if isinstance(value, str):
        return value
    once = tuple(dict.fromkeys(value))
    if at_most is None or len(once) <= at_most:
        return listed(once)
    return f"{', '.join(once[:at_most])} and {len(once) - at_most} more"


def fill(template: str, fills: Mapping[str, Fill], at_most: int | None = None) -> str:
    """The sentence with its placeholders filled; lists name `at_most` entries and how many more."""
    text = PLACEHOLDER.sub(
        lambda match: _shown(fills.get(match[1], "not stated"), at_most), template
    )
    return text[:1].upper() + text[1:]


def summary(template: str, fills: Mapping[str, Fill], fallback: str) -> str:
    """A summary of at most 139 characters: long lists name two entries, then one.

    `fallback` (the title of the recommendation) stands where even that is too long.
    """
    attempts = (fill(template, fills, at_most) for at_most in (None, 2, 1))
    return next((text for text in attempts if len(text) <= SUMMARY_LIMIT), fallback)
