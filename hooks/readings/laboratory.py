"""Platelets, INR and eGFR (data elements, section 3.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

import msgspec

from hooks.answer import Evidence
from hooks.fhir import CodeableConcept, Condition, Observation, Quantity
from hooks.readings.concepts import (
    FINAL,
    evidence,
    is_present,
    observed,
    onset_or_recorded,
    shifted,
    unit_of,
)
from hooks.readings.dates import Moment, days_ago, newest
from hooks.readings.numbers import shown
from hooks.values.codes import in_set
from hooks.values.parameters import unit_factors, unit_spellings


@dataclass(frozen=True, slots=True)
class Laboratory:
    """The newest result of one test; `value` None = unreadable, and no older one stands in."""

    value: float | None
    days: int
    source: Evidence


class _Result(msgspec.Struct, frozen=True):
    value: float | None
    when: Moment
    observation: Observation


def _platelets(quantity: Quantity) -> float | None:
    """Platelets in 10*9/L."""
    factor = unit_factors("platelets").get(unit_of(quantity))
    value = shifted(quantity)
    return None if factor is None or value is None else round(value * factor, 9)


def _in_units(name: str) -> Callable[[Quantity], float | None]:
    def read(quantity: Quantity) -> float | None:
        return shifted(quantity) if unit_of(quantity) in unit_spellings(name) else None

    return read


_READERS: dict[str, tuple[Callable[[Quantity], float | None], str, bool]] = {
    "platelets": (_platelets, " x10^9/L", False),
    "inr": (_in_units("inr"), "", True),
    "egfr": (_in_units("egfr"), " mL/min/1.73 m2", False),
}
_LABELS = {"platelets": "platelets", "inr": "INR", "egfr": "eGFR"}


def is_laboratory(code: CodeableConcept | None) -> bool:
    """Whether a code is one of the tests that are read here."""
    return any(in_set(test, code) for test in _READERS)


def _results(test: str, observations: Iterable[Observation]) -> Iterable[_Result]:
    read = _READERS[test][0]
    for observation in observations:
        if observation.status not in FINAL or not in_set(test, observation.code):
            continue
        if when := observed(observation):
            quantity = observation.value_quantity
            yield _Result(read(quantity) if quantity else None, when, observation)


def _worse(test: str) -> Callable[[_Result], tuple[bool, float]]:
    """Readable before unreadable; then lower platelets and eGFR, higher INR."""
    high_is_worse = _READERS[test][2]

    def key(result: _Result) -> tuple[bool, float]:
        if result.value is None:
            return False, 0.0
        return True, result.value if high_is_worse else -result.value

    return key


def read_laboratory(
    test: str, observations: Iterable[Observation], today: date
) -> Laboratory | None:
    """The newest counting result of `platelets`, `inr` or `egfr`; None when there is none."""
    latest = newest(_results(test, observations), lambda r: r.when, today, _worse(test))
    if latest is None:
        return None
    value = None if latest.value is None else shown(latest.value) + _READERS[test][1]
    source = evidence(latest.observation, _LABELS[test], value or "unreadable", latest.when)
    return Laboratory(latest.value, days_ago(latest.when, today) or 0, source)


def read_dialysis(conditions: Iterable[Condition]) -> Evidence | None:
    """An active Condition of dialysis or end-stage disease: counts as eGFR 0."""
    for condition in conditions:
        if is_present(condition) and in_set("dialysis", condition.code):
            return evidence(
                condition, "dialysis or end-stage renal disease", None, onset_or_recorded(condition)
            )
    return None
