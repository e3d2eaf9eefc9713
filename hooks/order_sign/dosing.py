"""Dose, concentration and interval of intrathecal methotrexate (specification, 4 and 4.1)."""

from __future__ import annotations

from hooks.answer import Answer, Truth, Verdict, applies, silent
from hooks.facts.order import (
    Neighbour,
    OrderCheck,
    active_neighbours,
    draft_neighbours,
    earlier_doses,
    small,
)
from hooks.facts.person import patient_evidence
from hooks.readings.dosing import Unit
from hooks.readings.numbers import shown
from hooks.values.parameters import DoseBand, dose, dose_band, limit, window


def _ordered(check: OrderCheck, truth: Truth = Truth.YES) -> Answer:
    return Answer("ordered_dose", truth, (check.source,), (), check.dose_shown)


def band_shown(check: OrderCheck) -> str:
    """The expected dose for the age of the patient in mg, in words where the age is not known."""
    if check.age is None:
        return "the age-based dose"
    band = dose_band(check.age)
    if check.chart.is_haematological_only:
        return f"{shown(band.haematological[0])}-{shown(band.haematological[1])} mg"
    if band.dose is None:
        return f"{shown(dose('adult_usual_low'))}-{shown(dose('adult_usual_high'))} mg"
    return f"{shown(band.dose)} mg"


def dose_per_body_size(check: OrderCheck) -> Verdict:
    """A dose per m2 or kg: intrathecal doses are fixed by age."""
    unit = check.instruction.dose.unit
    if unit is not Unit.PER_BODY_SIZE:
        truth = Truth.NO if unit is Unit.MASS else Truth.UNKNOWN
        missing = () if unit is Unit.MASS else ("unit of the dose",)
        return silent(Answer("dose_per_body_size", truth, (check.source,), missing))
    fills = {"dose": check.dose_shown or "not readable", "band": band_shown(check)}
    return applies("critical", _ordered(check), **fills)


def _haematological(amount: float, band: DoseBand) -> str | None:
    low, high = band.haematological
    tolerance = limit("tolerance")
    if amount > high * dose("upper_tolerance") + tolerance:
        return "high"
    if amount < low * dose("lower_tolerance") - tolerance:
        return "low"
    if band.dose is None:
        return None
    apart = abs(amount - band.dose) - band.dose * (dose("upper_tolerance") - 1)
    return "protocol-specific" if apart > tolerance else None


def _adult(amount: float) -> str | None:
    tolerance = limit("tolerance")
    if amount > dose("adult_usual_high") + tolerance:
        return "above-usual"
    if amount >= dose("adult_usual_low") - tolerance:
        return None
    return "small-dose" if small(amount) else "low"


def _child(amount: float, band_dose: float, age: int) -> str | None:
    tolerance = limit("tolerance")
    if amount > band_dose * dose("upper_tolerance") + tolerance:
        tolerated = amount <= dose("maximum") + tolerance and age >= dose("teenage_age")
        return "high-teenage" if tolerated else "high"
    return "low" if amount < band_dose * dose("lower_tolerance") - tolerance else None


def dose_variant(amount: float, age: int | None, haematological: bool) -> str | None:
    """The wording of table 4.1 for a dose in mg and an age in completed years; None = in order."""
    tolerance = limit("tolerance")
    if amount > dose("maximum") + tolerance:
        return "overdose" if amount >= dose("overdose") - tolerance else "over-maximum"
    if age is None:
        return "age-unknown"
    band = dose_band(age)
    if haematological:
        return _haematological(amount, band)
    return _adult(amount) if band.dose is None else _child(amount, band.dose, age)


def dose_for_age(check: OrderCheck) -> Verdict:
    """Table 4.1; a dose per body size has its own card, an unreadable one is not verifiable."""
    ordered = check.instruction.dose
    if ordered.milligrams is None:
        truth = Truth.NO if ordered.unit is Unit.PER_BODY_SIZE else Truth.UNKNOWN
        return silent(Answer("ordered_dose", truth, (check.source,), ("dose in mg",)))
    variant = dose_variant(ordered.milligrams, check.age, check.chart.is_haematological_only)
    if variant is None:
        return silent(_ordered(check, Truth.NO), _age(check))
    fills = {"dose": check.dose_shown or "", "age": age_shown(check), "band": band_shown(check)}
    return applies(variant, _ordered(check), _age(check), **fills)


def age_shown(check: OrderCheck) -> str:
    """The age at the planned administration, for cards."""
    return "unknown" if check.age is None else f"{check.age} years"


def _age(check: OrderCheck) -> Answer:
    if check.age is None:
        return Answer("age_at_administration", Truth.UNKNOWN, (), ("date of birth",))
    patient = patient_evidence(check.chart, age_shown(check))
    return Answer("age_at_administration", Truth.YES, (patient,), (), age_shown(check))


def concentration(check: OrderCheck) -> Verdict:
    """A final concentration above 1 mg/mL."""
    amount, volume = check.instruction.dose.milligrams, check.instruction.volume
    if amount is None or not volume:
        missing = ("dose in mg and final volume",)
        return silent(Answer("final_concentration", Truth.UNKNOWN, (check.source,), missing))
    ratio = amount / volume
    over = ratio > dose("maximum_concentration") + limit("tolerance")
    value = f"{shown(ratio)} mg/mL"
    truth = Truth.YES if over else Truth.NO
    answer = Answer("final_concentration", truth, (check.source,), (), value)
    return applies("warning", answer, concentration=shown(ratio)) if over else silent(answer)


_MOST_SHOWN = 5


def _too_close(check: OrderCheck, neighbours: tuple[Neighbour, ...]) -> list[Neighbour]:
    """Neighbours inside the interval, unless both doses are known to be small."""
    ordered_small = small(check.instruction.dose.milligrams)
    return sorted(
        (
            near
            for near in neighbours
            if near.hours < window("interval_hours")
            and not (ordered_small and small(near.milligrams))
        ),
        key=lambda near: near.hours,
    )


def _frequent(check: OrderCheck, doses: tuple[Neighbour, ...]) -> list[Neighbour]:
    """Earlier doses above 2 mg inside the count-back window, for an order above 2 mg."""
    if small(check.instruction.dose.milligrams):
        return []
    span = window("count_back_hours")
    return [d for d in doses if d.hours <= span and not small(d.milligrams)]


def _is_daily(check: OrderCheck) -> bool:
    """Daily, and not known to be small: by its mass, else by its number whatever the unit."""
    ordered = check.instruction.dose
    amount = ordered.number if ordered.milligrams is None else ordered.milligrams
    return check.instruction.daily and not small(amount)


def interval(check: OrderCheck) -> Verdict:
    """Doses, drafts or active orders too close together, too many doses, or daily dosing."""
    earlier = earlier_doses(check)
    near = {
        "too-soon": _too_close(check, earlier),
        "duplicate-draft": _too_close(check, draft_neighbours(check)),
        "active-order": _too_close(check, active_neighbours(check)),
    }
    for variant in ("too-soon", "duplicate-draft"):
        if near[variant]:
            return _close_verdict(check, variant, near[variant])
    if _is_daily(check):
        return applies("daily", _ordered(check))
    if near["active-order"]:
        return _close_verdict(check, "active-order", near["active-order"])
    frequent = _frequent(check, earlier)
    sources = tuple(item.source for item in frequent)
    if len(frequent) >= dose("frequent_doses"):
        answer = Answer("earlier_intrathecal_doses", Truth.YES, sources)
        return applies("frequent", _ordered(check), answer, count=str(len(frequent)))
    return silent(_history(earlier))


def _history(earlier: tuple[Neighbour, ...]) -> Answer:
    if earlier:
        sources = tuple(item.source for item in earlier)
        return Answer("earlier_intrathecal_doses", Truth.NO, sources)
    return Answer("earlier_intrathecal_doses", Truth.UNKNOWN, (), ("previous intrathecal doses",))


def _close_verdict(check: OrderCheck, variant: str, near: list[Neighbour]) -> Verdict:
    shown_first = tuple(item.source for item in near[:_MOST_SHOWN])
    answer = Answer("intrathecal_dose_too_close", Truth.YES, shown_first)
    return applies(variant, _ordered(check), answer, hours=shown(round(near[0].hours, 1)))
