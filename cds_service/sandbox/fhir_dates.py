"""FHIR date, dateTime, instant and Period values as half-open intervals of UTC time.

A value without a day or a time stands for the whole year, month, day, minute or second.
Source: FHIR R4, Search, date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_FORM = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<fraction>\.\d+)?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)
_PREFIXES = ("eq", "ge", "le", "gt", "lt")
_EVER = datetime.max.replace(tzinfo=UTC)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Interval:
    """From `start` until just before `end`, both in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class DateFilter:
    """A search value: prefix and interval."""

    prefix: str
    wanted: Interval

    def matches(self, found: Interval) -> bool:
        """Whether a resource's interval fulfils the filter."""
        if self.prefix == "gt":
            return found.end > self.wanted.end
        if self.prefix == "lt":
            return found.start < self.wanted.start
        if self.prefix == "ge":
            return found.end > self.wanted.end or self._inside(found)
        if self.prefix == "le":
            return found.start < self.wanted.start or self._inside(found)
        return self._inside(found)

    def _inside(self, found: Interval) -> bool:
        return self.wanted.start <= found.start and found.end <= self.wanted.end


def date_filter(text: str) -> DateFilter:
    """Read a search value such as `ge2026-01-01`. Raises ValueError."""
    prefix = text[:2] if text[:2].isalpha() else "eq"
    if prefix not in _PREFIXES:
        raise ValueError("unknown date prefix")
    return DateFilter(prefix, interval(text[2:] if text[:2].isalpha() else text))


def interval(text: str) -> Interval:
    """Read a FHIR date, dateTime or instant. Raises ValueError."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError("no FHIR date")
    try:
        start = _start(form)
        return Interval(start, _end(start, form))
    except OverflowError as error:
        raise ValueError("outside the calendar") from error


def element_interval(value: Any) -> Interval | None:
    """The interval of a date, dateTime, instant or Period element; None if it has none."""
    try:
        if isinstance(value, str):
            return interval(value)
        return _period(value) if isinstance(value, dict) else None
    except ValueError:
        return None


def _period(value: dict[str, Any]) -> Interval | None:
    start, end = value.get("start"), value.get("end")
    if not isinstance(start, str) and not isinstance(end, str):
        return None
    return Interval(
        interval(start).start if isinstance(start, str) else _NEVER,
        interval(end).end if isinstance(end, str) else _EVER,
    )


def _start(form: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (
        int(form[name] or default)
        for name, default in (
            ("year", 1), ("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0)
        )
    )  # fmt: skip
    local = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return local - _offset(form["zone"])


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta(0)
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))


def _end(start: datetime, form: re.Match[str]) -> datetime:
    if form["month"] is None:
        return start.replace(year=start.year + 1) if start.year < 9999 else _EVER
    if form["day"] is None:
        return (start + timedelta(days=31)).replace(day=1)
    for name, width in (("hour", timedelta(days=1)), ("second", timedelta(minutes=1))):
        if form[name] is None:
            return start + width
    return start + timedelta(seconds=1)
