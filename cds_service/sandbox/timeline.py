"""The evidence of one recommendation on a timeline of the chart, as numbers for a drawing.

Time runs to the right and is shown on a logarithmic scale, because a chart holds years and the
last days decide. What carries no date cannot be drawn and is counted, so that nothing is lost.
Lengths are in the units of the drawing, days in days before (positive) or after today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from math import log1p
from typing import Any

from hooks.fhir import JsonObject

WIDTH = 960
LEFT = 28
RIGHT = WIDTH - 36
FUTURE = 180
"""Width that is kept for planned events, where there are any."""
ROW = 26
MARKS = (
    (0, "today"), (7, "1 week"), (30, "1 month"), (91, "3 months"), (365, "1 year"),
    (1096, "3 years"), (3652, "10 years"), (10957, "30 years"),
)  # fmt: skip
_LEAST_GAP = 24
_LEAST_PAST = 30
_LEAST_FUTURE = 7


@dataclass(frozen=True, slots=True)
class Dot:
    """One piece of evidence: its number, where it is drawn, and what it is."""

    number: int
    x: int
    y: int
    day: str
    label: str
    truth: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A drawing: evidence, days of all entries of the chart, and marks of the scale.

    `undated` is the number of pieces of evidence without a day; `baseline` is where the scale is.
    """

    dots: tuple[Dot, ...]
    entries: tuple[int, ...]
    marks: tuple[tuple[int, str], ...]
    undated: int
    dated_entries: int
    baseline: int

    @property
    def height(self) -> int:
        """Height of the drawing."""
        return self.baseline + 34

    @property
    def words(self) -> str:
        """What the drawing shows, for those who do not see it."""
        told = "; ".join(f"{dot.number}: {dot.label}, {dot.day}" for dot in self.dots)
        return f"Timeline of {self.dated_entries} dated entries of the chart. Evidence {told}."

    def number(self, evidence: Mapping[str, Any]) -> int | None:
        """The number of a piece of evidence; None where it has no date."""
        named = (evidence["label"], evidence["date"])
        return next((dot.number for dot in self.dots if (dot.label, dot.day) == named), None)


@dataclass(frozen=True, slots=True)
class Scale:
    """Days before today -> horizontal position."""

    past: int
    future: int

    @property
    def today(self) -> int:
        """Where today is."""
        return RIGHT - FUTURE if self.future else RIGHT

    def x(self, days: int) -> int:
        """Where a day is that lies so many days before today (negative: after it)."""
        if days >= 0:
            return round(self.today - (self.today - LEFT) * log1p(days) / log1p(self.past))
        return round(self.today + FUTURE * log1p(-days) / log1p(self.future))


def timeline(entry: JsonObject, chart: Iterable[JsonObject], today: date) -> Timeline | None:
    """The drawing of one explained recommendation; None where none of its evidence has a day.

    `entry` is one of `Service.explanation`, `chart` the dated entries of the record.
    """
    evidence = list(_evidence(entry))
    dated = [(found, age) for found in evidence if (age := _age(found["date"], today)) is not None]
    if not dated:
        return None
    ages = [age for each in chart if (age := _age(each["date"], today)) is not None]
    scale = _scale([*ages, *(age for _, age in dated)])
    rows = _rows([scale.x(age) for _, age in dated])
    baseline = 20 + ROW * (max(rows) + 1)
    return Timeline(
        dots=tuple(
            Dot(number, scale.x(age), baseline - 16 - ROW * row, found["date"], found["label"],
                found["truth"])
            for number, ((found, age), row) in enumerate(zip(dated, rows, strict=True), 1)
        ),
        entries=tuple(sorted({scale.x(age) for age in ages})),
        marks=tuple((scale.x(days), name) for days, name in MARKS if days <= scale.past),
        undated=len(evidence) - len(dated),
        dated_entries=len(ages),
        baseline=baseline,
    )  # fmt: skip


def _evidence(entry: JsonObject) -> Iterator[JsonObject]:
    """Each piece of evidence once, the oldest first, with the truth of the fact it stands for."""
    found = {
        (each["label"], each["date"]): {**each, "truth": fact["truth"]}
        for fact in reversed(entry["facts"])
        for each in fact["evidence"]
    }
    yield from sorted(found.values(), key=lambda each: (each["date"] or "", each["label"]))


def _age(day: str | None, today: date) -> int | None:
    """Days from a day (YYYY, YYYY-MM or longer) to today; None where it cannot be read."""
    try:
        return (today - date.fromisoformat(f"{day or ''}-01-01"[:10])).days
    except ValueError:
        return None


def _scale(ages: list[int]) -> Scale:
    future = max((-age for age in ages if age < 0), default=0)
    past = max(*ages, _LEAST_PAST)
    return Scale(past, max(future, _LEAST_FUTURE) if future else 0)


def _rows(positions: list[int]) -> list[int]:
    """The row of each position, so that no two of one row overlap."""
    rows: list[int] = []
    for index, x in enumerate(positions):
        near = zip(positions[:index], rows, strict=True)
        taken = {row for other, row in near if abs(other - x) < _LEAST_GAP}
        rows.append(next(row for row in range(index + 1) if row not in taken))
    return rows
