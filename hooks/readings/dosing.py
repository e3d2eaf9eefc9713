"""Dose, unit and frequency of an order or administration (data elements, 3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hooks.fhir import Dosage, DoseAndRate, Quantity, Timing
from hooks.readings.concepts import codes_of, shifted, text_of, unit_of
from hooks.readings.text import joined, normalised
from hooks.values.lexicon import names, term
from hooks.values.parameters import unit_factors


class Unit(StrEnum):
    """Unit of a dose; PER_BODY_SIZE is per m2 or kg, UNREADABLE anything else."""

    MASS = "mg"
    PER_BODY_SIZE = "per body size"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Dose:
    """`number` as stated whatever its unit; `milligrams` only for a mass unit."""

    number: float | None
    unit: Unit
    milligrams: float | None
    per: str | None = None


_FACTORS = (("unit-mg", 1.0), ("unit-g", 1000.0), ("unit-ug", 0.001))
_PER_BODY_SIZE = (("unit-mg-per-m2", "mg/m2"), ("unit-mg-per-kg", "mg/kg"))
NO_DOSE = Dose(None, Unit.UNREADABLE, None)


def _factor(quantity: Quantity) -> float | None:
    """Factor to mg of a mass unit; None for any other unit or none."""
    unit = unit_of(quantity)
    return next((factor for name, factor in _FACTORS if names(unit, name)), None)


def _per_body_size(quantity: Quantity) -> str | None:
    """The per-m2 or per-kg unit that either the code or the printed unit states."""
    spellings = [normalised(text or "") for text in (quantity.code, quantity.unit)]
    return next(
        (label for name, label in _PER_BODY_SIZE for s in spellings if names(s, name)), None
    )


def read_quantity(quantity: Quantity | None) -> Dose:
    """A dose quantity; an unknown or missing unit keeps the number only."""
    number = shifted(quantity) if quantity else None
    if quantity is None or number is None or number <= 0:
        return NO_DOSE
    per = _per_body_size(quantity)
    if per:
        return Dose(number, Unit.PER_BODY_SIZE, None, per)
    factor = _factor(quantity)
    if factor is None:
        return Dose(number, Unit.UNREADABLE, None)
    return Dose(number, Unit.MASS, round(number * factor, 9))


def _chosen(entries: tuple[DoseAndRate, ...]) -> Quantity | None:
    """The ordered entry; else the highest in a mass unit; else the first."""
    ordered = [e.dose_quantity for e in entries if "ordered" in codes_of(e.type)]
    if ordered:
        return ordered[0]
    quantities = [e.dose_quantity for e in entries if e.dose_quantity]
    masses = [
        (d.milligrams, q) for q in quantities if (d := read_quantity(q)).milligrams is not None
    ]
    if masses:
        return max(masses, key=lambda pair: pair[0])[1]
    return quantities[0] if quantities else None


def read_dose(dosage: Dosage) -> Dose:
    """The dose of an order; a per-m2 or per-kg expression in its text overrides the unit."""
    dose = read_quantity(_chosen(dosage.dose_and_rate or ()))
    text = normalised(dosage.text or "")
    if names(text, "unit-per-body-size-in-text"):
        return Dose(dose.number, Unit.PER_BODY_SIZE, None, dose.per or "mg/m2 or mg/kg")
    return dose


def _repeats_daily(timing: Timing | None) -> bool:
    """At least once a day, in whatever unit, or by a timing code."""
    repeat, code = (timing.repeat, timing.code) if timing else (None, None)
    minutes = unit_factors("repetition")
    unit = repeat.period_unit if repeat else None
    if repeat and unit in minutes:
        return (repeat.frequency or 1) * minutes["d"] >= (repeat.period or 1) * minutes[unit]
    return any(names(found, "timing-code-daily") for found in codes_of(code))


def is_daily(dosage: Dosage) -> bool:
    """Whether an order repeats every day or more often, by its timing or its text."""
    timing = dosage.timing
    if _repeats_daily(timing):
        return True
    text = joined((dosage.text, text_of(timing.code) if timing else ""))
    rest = term("order-frequency-not-daily").sub(" ", normalised(text))
    return names(rest, "order-frequency-daily")
