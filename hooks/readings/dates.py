"""FHIR dates and times, and how many days or hours lie between them (data elements, 1.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from hooks.fhir import Period
from hooks.values.parameters import window

_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?\s*([Zz]|[+-]\d\d:?\d\d)?)?",
)
_PARTIAL = re.compile(r"(\d{4})(?:-(\d\d))?")
T = TypeVar("T")


class Moment(msgspec.Struct, frozen=True):
    """A calendar day in UTC, with the instant where the value stated a time of day."""

    day: date
    instant: datetime | None = None


def _zone(text: str | None) -> timedelta:
    """Offset from UTC. Raises `ValueError` beyond +-14:59, which no place on earth has."""
    if text in (None, "Z", "z"):
        return timedelta()
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 14 or minutes > 59:
        raise ValueError(text)
    return (-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes)


@lru_cache(maxsize=16384)
def moment(text: str | None) -> Moment | None:
    """A FHIR date, dateTime or instant; None when absent, malformed or without a day.

    A value with a time zone is converted to UTC; one without is read as UTC.
    """
    match = _DATE_TIME.fullmatch((text or "").strip())
    if not match:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    try:
        if hour is None:
            return Moment(date(int(year), int(month), int(day)))
        local = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=UTC
        )
        instant = local - _zone(zone)
    except (ValueError, OverflowError):
        return None
    return Moment(instant.date(), instant)


def period_moment(period: Period | None) -> Moment | None:
    """A period counts by its end, else by its start."""
    return (moment(period.end) or moment(period.start)) if period else None


def first_moment(*candidates: Moment | None) -> Moment | None:
    """The first candidate that is known."""
    return next((candidate for candidate in candidates if candidate), None)


def days_ago(when: Moment | None, today: date) -> int | None:
    """Whole calendar days before today; one day ahead counts as 0.

    None for an unknown date and for one further in the future (unusable for a past event).
    """
    if when is None:
        return None
    days = (today - when.day).days
    if days < -window("future_tolerance_days"):
        return None
    return max(days, 0)


def within(days: int | None, limit: float) -> bool:
    """Whether a known number of days is inside a window (the limit itself is inside)."""
    return days is not None and days <= limit


def hours_between(later: Moment, earlier: Moment) -> float:
    """Hours from one moment to another; 24 x calendar days if either has no time of day."""
    if later.instant and earlier.instant:
        return (later.instant - earlier.instant).total_seconds() / 3600
    return 24.0 * (later.day - earlier.day).days


def newest(
    items: Iterable[T],
    when: Callable[[T], Moment],
    today: date,
    worse: Callable[[T], Any],
) -> T | None:
    """The newest usable item; on one day the later time, else the one that is worse.

    `worse` is a sort key: the greatest value is the worst result for the patient.
    """
    dated = [(days_ago(when(item), today), item) for item in items]
    usable = [(days, item) for days, item in dated if days is not None]
    if not usable:
        return None
    smallest = min(days for days, _ in usable)
    same_day = [item for days, item in usable if days == smallest]
    timed = [item for item in same_day if when(item).instant]
    latest = max((when(item).instant for item in timed), default=None)  # type: ignore[type-var]
    rivals = [item for item in same_day if when(item).instant in (None, latest)]
    return max(rivals, key=worse)


def birth_dates(text: str | None) -> tuple[date, ...]:
    """The possible dates of birth, earliest first: one, or the ends of a year or month."""
    known = moment(text)
    if known:
        return (known.day,)
    partial = _PARTIAL.fullmatch((text or "").strip())
    if not partial:
        return ()
    year, month = int(partial[1]), partial[2]
    try:
        first = date(year, int(month or 1), 1)
        last_month = int(month or 12)
        after = date(year + last_month // 12, last_month % 12 + 1, 1)
    except ValueError:
        return ()
    return first, after - timedelta(days=1)


def completed_years(born: date, on: date) -> int:
    """Age in completed years; a year is complete on the birthday."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
