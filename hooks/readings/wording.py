"""How dates and lists are printed in cards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def day_shown(day: date) -> str:
    """A day with its month by name, e.g. `21 Nov 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def listed(labels: Sequence[str], last: str = "and") -> str:
    """Labels as words: `a, b and c`; each label once."""
    once = list(dict.fromkeys(labels))
    if len(once) < 2:
        return "".join(once)
    return f"{', '.join(once[:-1])} {last} {once[-1]}"
