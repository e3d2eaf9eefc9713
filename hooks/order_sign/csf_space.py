"""CSF space, access, clearance and goals (specification, 4, step 5)."""

from __future__ import annotations

from hooks.answer import Verdict, applies, silent
from hooks.facts.fact import is_no, is_yes
from hooks.facts.order import (
    OrderCheck,
    csf_flow_open,
    interacting_drugs,
    low_egfr,
    lumbar_access,
    obstruction_likely,
    performance_status_poor,
    shunt_valve_can_be_closed,
    symptomatic_hydrocephalus,
    systemic_methotrexate,
    third_space_fluid,
)
from hooks.facts.person import haematological_without_solid_malignancy, hospice_care
from hooks.facts.work_up import lumbar_puncture_unsafe, puncture_risk
from hooks.readings.csf_space import Flow, Shunt
from hooks.readings.wording import day_shown

_SHUNT_VARIANTS = {
    Shunt.NO_VALVE: "no-valve",
    Shunt.VALVE_UNKNOWN: "valve-unknown",
    Shunt.PROGRAMMABLE: "programmable",
}


def shunt(check: OrderCheck) -> Verdict:
    """A shunt whose valve cannot be closed, or symptomatic hydrocephalus without one that can."""
    closable, hydrocephalus = shunt_valve_can_be_closed(check), symptomatic_hydrocephalus(check)
    reading = check.chart.shunt
    if reading and reading.status in _SHUNT_VARIANTS:
        return applies(_SHUNT_VARIANTS[reading.status], closable, hydrocephalus)
    treated = reading and reading.status is not Shunt.NONE
    if is_yes(hydrocephalus) and not treated:
        return applies("hydrocephalus", hydrocephalus, closable)
    return silent(closable)


def csf_flow(check: OrderCheck) -> Verdict:
    """Obstructed CSF flow, or a likely obstruction without a valid study."""
    haematological = haematological_without_solid_malignancy(check.chart)
    if is_yes(haematological):
        return silent(haematological)
    open_flow, study = csf_flow_open(check), check.chart.flow
    if study and study.flow is Flow.OBSTRUCTED:
        date = day_shown(study.source.day) if study.source.day else "date unknown"
        return applies("obstructed", open_flow, date=date)
    if is_yes(open_flow):
        return silent(open_flow)
    likely = obstruction_likely(check)
    if is_yes(likely):
        return applies("likely", likely, open_flow, reason=likely.value or "")
    return silent(open_flow)


def lumbar_access_safety(check: OrderCheck) -> Verdict:
    """Reasons against lumbar puncture when the dose goes in by the lumbar route."""
    lumbar = lumbar_access(check)
    if is_no(lumbar):
        return silent(lumbar)
    risk, unsafe = puncture_risk(check.chart), lumbar_puncture_unsafe(check.chart)
    if risk.level:
        return applies(risk.level.value, lumbar, unsafe, reason=risk.reasons)
    if risk.cautions:
        return applies("caution", lumbar, unsafe, reason=risk.cautions)
    return silent(unsafe)


def clearance(check: OrderCheck) -> Verdict:
    """Delayed clearance: low eGFR, dialysis, or third-space fluid."""
    answers = (low_egfr(check), third_space_fluid(check))
    found = [answer for answer in answers if is_yes(answer)]
    if not found:
        return silent(*answers)
    return applies("warning", *found, reason=tuple(answer.value or "" for answer in found))


def systemic_overlap(check: OrderCheck) -> Verdict:
    """Methotrexate by another route in the last days."""
    given = systemic_methotrexate(check)
    if not is_yes(given):
        return silent(given)
    day = given.because[0].day
    return applies("warning", given, date=day_shown(day) if day else "date unknown")


def drug_interaction(check: OrderCheck) -> Verdict:
    """Active drugs that raise methotrexate toxicity."""
    drugs = interacting_drugs(check)
    return (
        applies("info", drugs, classes=tuple((drugs.value or "").split(", ")))
        if is_yes(drugs)
        else silent(drugs)
    )


def goals_of_care(check: OrderCheck) -> Verdict:
    """Hospice care (everyone), or poor performance status (solid tumours)."""
    hospice = hospice_care(check.chart)
    if is_yes(hospice):
        return applies("hospice", hospice)
    haematological = haematological_without_solid_malignancy(check.chart)
    if is_yes(haematological):
        return silent(haematological)
    poor = performance_status_poor(check)
    return applies("poor-status", poor, status=poor.value or "") if is_yes(poor) else silent(poor)
