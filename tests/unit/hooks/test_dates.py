"""Hours between dates, where a time of day is missing."""

from __future__ import annotations

import pytest

from hooks.readings.dates import hours_between, moment


@pytest.mark.parametrize(
    ("later", "earlier", "hours"),
    [
        ("2026-11-21T12:00:00Z", "2026-11-19T12:30:00Z", 47.5),
        ("2026-11-21", "2026-11-19T23:00:00Z", 48),
        ("2026-11-21T01:00:00Z", "2026-11-15", 144),
        ("2026-11-21", "2026-11-21", 0),
    ],
)
def test_without_a_time_of_day_whole_days_count(later: str, earlier: str, hours: float) -> None:
    then, now = moment(earlier), moment(later)
    assert then is not None
    assert now is not None
    assert hours_between(now, then) == hours
