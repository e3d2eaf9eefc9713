"""What could not be verified about an order: one consolidated item (specification, 1.9 and 4)."""

from __future__ import annotations

from msgspec.structs import replace

from hooks.answer import Answer, Truth, Verdict, applies, silent
from hooks.facts.fact import is_yes
from hooks.facts.order import (
    OrderCheck,
    csf_flow_open,
    earlier_doses,
    lumbar_access,
    obstruction_likely,
    shunt_valve_can_be_closed,
)
from hooks.facts.work_up import puncture_risk
from hooks.readings.csf_space import Flow
from hooks.readings.dosing import Unit

AGE = "age"
DOSE = "dose/unit"
FLOW = "CSF flow"
PLATELETS = "platelets"
SHUNT = "shunt status"
DRUG = "drug"
NOT_A_VINCA = "check that it is not a vinca alkaloid"
OTHER_PATIENT = "patient of the order"
UNREADABLE_ORDER = "a draft order could not be read"
CRANIOSPINAL = "craniospinal radiotherapy"
_REVIEWED_BEFORE = frozenset({FLOW, SHUNT})
_RADIOTHERAPY_SOURCES = ("Procedure", "ServiceRequest")


def _flow_unknown(check: OrderCheck) -> bool:
    """Neither open, nor obstructed, nor likely obstructed; never for haematological malignancy."""
    study = check.chart.flow
    obstructed = study is not None and study.flow is Flow.OBSTRUCTED
    decided = is_yes(csf_flow_open(check)) or obstructed or is_yes(obstruction_likely(check))
    return not decided and not check.chart.is_haematological_only


def unverified(check: OrderCheck) -> tuple[str, ...]:
    """The list `u`: prerequisites that the record does not show, then failed categories."""
    ordered = check.instruction.dose
    checks = {
        DOSE: ordered.milligrams is None and ordered.unit is not Unit.PER_BODY_SIZE,
        AGE: check.age is None,
        FLOW: _flow_unknown(check),
        SHUNT: shunt_valve_can_be_closed(check).truth is Truth.UNKNOWN,
        PLATELETS: is_yes(lumbar_access(check)) and not puncture_risk(check.chart).platelets_known,
    }
    return tuple(name for name, missing in checks.items() if missing)


def failed_categories(check: OrderCheck) -> tuple[str, ...]:
    """The resource types that were not read completely."""
    return tuple(dict.fromkeys(failure.category for failure in check.chart.record.failures))


def not_verifiable(check: OrderCheck) -> Verdict:
    """The consolidated item of an intrathecal methotrexate order."""
    missing, failed = unverified(check), failed_categories(check)
    if not missing and not failed:
        return silent(Answer("unverified", Truth.NO, (check.source,)))
    given = earlier_doses(check)
    reviewed = bool(given) and not failed and set(missing) <= _REVIEWED_BEFORE
    verdict = unknown_verdict(*missing, *failed, reviewed=reviewed)
    looked = not check.chart.record.failed("MedicationAdministration")
    history = ("no-earlier-doses",) if looked and not given else ()
    searched = not any(check.chart.record.failed(name) for name in _RADIOTHERAPY_SOURCES)
    radiotherapy = ("no-radiotherapy-history",) if searched and not check.chart.courses else ()
    return replace(verdict, remarks=(*history, *radiotherapy))


def unknown_verdict(*unknowns: str, reviewed: bool = False) -> Verdict:
    """The verdict that names what could not be verified."""
    answer = Answer("unverified", Truth.UNKNOWN, (), unknowns)
    variant = "reviewed" if reviewed else "warning"
    return replace(applies(variant, answer, unknowns=unknowns), unknowns=unknowns)


def systemic_not_verifiable(check: OrderCheck) -> Verdict:
    """A methotrexate order that is not intrathecal, when radiotherapy could not be looked up."""
    chart = check.chart
    cancer = bool(chart.malignancies.entries) or chart.conditions_failed
    failed = any(chart.record.failed(category) for category in _RADIOTHERAPY_SOURCES)
    if cancer and failed:
        return unknown_verdict(CRANIOSPINAL)
    return silent(Answer("radiotherapy_history_failed", Truth.NO))
