"""Facts about one draft order: is it intrathecal methotrexate, and is it safe (3.6, 3.7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from hooks.answer import Answer, Evidence
from hooks.facts.diagnosis import newest_studies
from hooks.facts.fact import fact, no, unknown, yes
from hooks.fhir import Condition, MedicationRequest, ServiceRequest
from hooks.readings.chart import Chart
from hooks.readings.csf_space import Flow, Shunt
from hooks.readings.dates import Moment, days_ago, hours_between, within
from hooks.readings.imaging import Pattern
from hooks.readings.malignancy import Kind
from hooks.readings.medication import Drug
from hooks.readings.numbers import shown
from hooks.readings.order import Access, DrugOrder, Formulation, Instruction, is_same_order
from hooks.readings.route import Route
from hooks.readings.safety import read_non_malignant_indication
from hooks.readings.treatments import Administration, read_nitrous_oxide
from hooks.site import Statement
from hooks.values.parameters import dose as dose_parameter
from hooks.values.parameters import limit, window


class Scope(Enum):
    """What step 4 of the specification makes of a methotrexate order."""

    INTRATHECAL = "coded as intrathecal"
    BY_TEXT = "a text names the intrathecal route"
    BY_DOSE = "no route, small dose in a cancer patient"
    NON_MALIGNANT = "no route, non-malignant indication"
    SYSTEMIC = "not intrathecal"

    @property
    def is_intrathecal(self) -> bool:
        """Whether the checks of intrathecal orders run."""
        return self in (Scope.INTRATHECAL, Scope.BY_TEXT, Scope.BY_DOSE)


ORDER_LABEL = "draft order"


def order_evidence(label: str, dose: str | None = None) -> Evidence:
    """A draft order as evidence."""
    return Evidence(label, ORDER_LABEL, dose)


@dataclass
class OrderCheck:
    """One dosage instruction of one draft order, for one possible age, against the chart.

    `others` are the other draft orders of this patient in the same call.
    """

    chart: Chart
    order: DrugOrder
    instruction: Instruction
    age: int | None
    others: tuple[DrugOrder, ...] = ()
    answers: dict[str, Answer] = field(default_factory=dict)

    @cached_property
    def source(self) -> Evidence:
        """The order as evidence, with its dose as far as readable."""
        return order_evidence(self.order.label, self.dose_shown)

    @property
    def dose_shown(self) -> str | None:
        """The ordered dose with its unit, as far as readable."""
        ordered = self.instruction.dose
        if ordered.milligrams is not None:
            return f"{shown(ordered.milligrams)} mg"
        if ordered.number is None:
            return None
        return f"{shown(ordered.number)} {ordered.per}" if ordered.per else shown(ordered.number)


def small(milligrams: float | None) -> bool:
    """Whether a dose is known to be at most 2 mg; an unknown dose counts as more."""
    if milligrams is None:
        return False
    return milligrams <= dose_parameter("small_dose") + limit("tolerance")


def _inferred(check: OrderCheck) -> bool:
    """A small dose (its number, or its mass) in a cancer patient, and not an oral product."""
    ordered = check.instruction.dose
    kinds = (Kind.SOLID, Kind.HAEMATOLOGICAL)
    cancer = any(check.chart.malignancies.of(kind) for kind in kinds)
    most = dose_parameter("inferred_maximum") + limit("tolerance")
    stated = (amount for amount in (ordered.number, ordered.milligrams) if amount is not None)
    inside = any(amount <= most for amount in stated)
    return inside and (cancer or check.chart.conditions_failed) and not check.order.oral_product


def scope(check: OrderCheck) -> Scope:
    """Step 4: is this methotrexate order an intrathecal one?"""
    route = check.instruction.route
    if route is not Route.MISSING:
        return Scope.INTRATHECAL if route.is_intrathecal else Scope.SYSTEMIC
    if check.instruction.named:
        return Scope.BY_TEXT
    if not _inferred(check):
        return Scope.SYSTEMIC
    indication = non_malignant_indication(check)
    return Scope.NON_MALIGNANT if indication.because else Scope.BY_DOSE


@fact
def intrathecal_methotrexate_order(check: OrderCheck) -> Answer:
    """Is this an intrathecal methotrexate order?"""
    found = scope(check)
    if found.is_intrathecal:
        return yes(check.source, value=found.value)
    undecided = check.instruction.route is Route.MISSING and not check.order.oral_product
    if found is Scope.SYSTEMIC and undecided:
        return unknown("route of the order", because=(check.source,), value=found.value)
    return no(check.source, value=found.value)


@fact
def non_malignant_indication(check: OrderCheck) -> Answer:
    """Is a non-malignant indication of methotrexate documented?"""
    found = read_non_malignant_indication(
        check.chart.record.of(Condition),
        check.order.request.reason_code or (),
        check.order.label,
    )
    return yes(found) if found else unknown("a non-malignant indication")


@fact
def severe_methotrexate_allergy(check: OrderCheck) -> Answer:
    """Is a severe methotrexate hypersensitivity on record?"""
    allergy = check.chart.methotrexate_allergy
    if allergy is None:
        return unknown("an entry of methotrexate hypersensitivity")
    severe, source = allergy
    return yes(source) if severe else no(source)


@fact
def preservative(check: OrderCheck) -> Answer:
    """Is the ordered product preservative-free?"""
    stated = check.instruction.formulation
    declared = check.chart.declared(Statement.PRESERVATIVE_FREE)
    if stated is Formulation.NOT_STATED and declared and check.instruction.is_intrathecal:
        return yes(check.source, declared.evidence, value=Formulation.PRESERVATIVE_FREE.value)
    if stated is Formulation.NOT_STATED:
        return unknown("preservative status of the product")
    free = stated is Formulation.PRESERVATIVE_FREE
    return (yes if free else no)(check.source, value=stated.value)


@fact
def shunt_valve_can_be_closed(check: OrderCheck) -> Answer:
    """Is there no shunt, or one whose valve can be closed for the dose?"""
    reading = check.chart.shunt
    if reading is None:
        return unknown("shunt status")
    closable = (Shunt.NONE, Shunt.ON_OFF, Shunt.PROGRAMMABLE_PLAN)
    answer = yes if reading.status in closable else no
    return answer(*reading.sources, value=reading.status.value)


@fact
def symptomatic_hydrocephalus(check: OrderCheck) -> Answer:
    """Is hydrocephalus on record that is not stated to be asymptomatic or controlled?"""
    found = check.chart.hydrocephalus
    if found is None:
        return unknown("an entry of hydrocephalus")
    return yes(found.source) if found.symptomatic else no(found.source)


@fact
def csf_flow_open(check: OrderCheck) -> Answer:
    """Does a valid CSF flow study show open flow?"""
    study = check.chart.flow
    if study is None:
        return unknown("CSF flow study")
    if study.flow is Flow.OBSTRUCTED:
        return no(study.source, value=study.flow.value)
    open_flow = study.flow in (Flow.NORMAL, Flow.RESTORED)
    if open_flow and not study.outdated and within(study.days, window("flow_days")):
        return yes(study.source, value=study.flow.value)
    return unknown("a current CSF flow study", because=(study.source,), value=study.flow.value)


@fact
def obstruction_likely(check: OrderCheck) -> Answer:
    """Does nodular disease on MRI or hydrocephalus make obstructed CSF flow likely?"""
    nodular = (Pattern.NODULAR, Pattern.BOTH)
    shown_on = [s.source for s in newest_studies(check.chart) if s.pattern in nodular]
    hydrocephalus = check.chart.hydrocephalus
    if hydrocephalus:
        shown_on.append(hydrocephalus.source)
    if shown_on:
        reasons = ("nodular disease on MRI", "hydrocephalus")
        kept = (len(shown_on) > bool(hydrocephalus), bool(hydrocephalus))
        value = " and ".join(r for r, keep in zip(reasons, kept, strict=True) if keep)
        return yes(*shown_on, value=value)
    return unknown("nodular disease on MRI or hydrocephalus")


@fact
def cns_or_device_infection(check: OrderCheck) -> Answer:
    """Is an infection of the CNS or of a CSF device on record, also as suspected?"""
    found = check.chart.infection
    return yes(found) if found else unknown("an entry of CNS or device infection")


@fact
def leukoencephalopathy(check: OrderCheck) -> Answer:
    """Is leukoencephalopathy on record?"""
    found = check.chart.leukoencephalopathy
    return yes(found) if found else unknown("an entry of leukoencephalopathy")


@fact
def nitrous_oxide_planned(check: OrderCheck) -> Answer:
    """Is nitrous oxide planned?"""
    record = check.chart.record
    found = read_nitrous_oxide(
        [other.request for other in check.others],
        record.of(MedicationRequest),
        record.of(ServiceRequest),
        record.medications,
    )
    return yes(found) if found else unknown("a plan of nitrous oxide")


@fact
def interacting_drugs(check: OrderCheck) -> Answer:
    """Is a drug active that raises methotrexate toxicity?"""
    found = check.chart.interacting
    classes = list(dict.fromkeys(source.label for source in found))
    if found:
        return yes(*found, value=", ".join(classes))
    return unknown("an active interacting drug")


@fact
def low_egfr(check: OrderCheck) -> Answer:
    """Is the newest eGFR below the limit, or the patient on dialysis?"""
    if check.chart.dialysis:
        return yes(check.chart.dialysis, value="dialysis or end-stage renal disease")
    result = check.chart.laboratory("egfr")
    if result is None or result.value is None:
        return unknown("eGFR", because=(result.source,) if result else ())
    answer = yes if result.value < limit("egfr_low") else no
    return answer(result.source, value=f"eGFR {shown(result.value)}")


@fact
def third_space_fluid(check: OrderCheck) -> Answer:
    """Is a pleural effusion or ascites on record?"""
    found = check.chart.third_space
    return yes(found, value=found.label) if found else unknown("an entry of effusion or ascites")


@fact
def systemic_methotrexate(check: OrderCheck) -> Answer:
    """Was methotrexate given by another route in the last days?"""
    chart = check.chart
    given = [a for a in chart.methotrexate_given if a.route is Route.OTHER]
    recent = [
        (days, a.source)
        for a in given
        if within(days := days_ago(a.start, chart.today), window("systemic_methotrexate_days"))
    ]
    if recent:
        return yes(min(recent, key=lambda pair: pair[0] or 0)[1])
    return unknown("a recent systemic dose of methotrexate", because=tuple(a.source for a in given))


@fact
def lumbar_access(check: OrderCheck) -> Answer:
    """Is the dose given by lumbar puncture, or the access not stated?"""
    access = check.instruction.access
    return (
        no(check.source, value=access.value)
        if access is Access.RESERVOIR
        else yes(check.source, value=access.value)
    )


@fact
def performance_status_poor(check: OrderCheck) -> Answer:
    """Is the current performance status poor (KPS; without KPS, ECOG)?"""
    kps, ecog = check.chart.score("kps"), check.chart.score("ecog")
    if kps:
        answer = yes if kps.value < limit("kps_poor") else no
        return answer(kps.source, value=f"KPS {kps.value}")
    if ecog:
        answer = yes if ecog.value >= limit("ecog_poor") else no
        return answer(ecog.source, value=f"ECOG {ecog.value}")
    return unknown("a current KPS or ECOG")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another intrathecal methotrexate dose or order: hours apart, and its dose in mg."""

    hours: float
    milligrams: float | None
    source: Evidence


def _start(administration: Administration, check: OrderCheck) -> Moment:
    """A date one day ahead of the reference day counts as that day."""
    start, today = administration.start, check.chart.today
    ahead = start.instant is None and start.day > today and days_ago(start, today) == 0
    return Moment(today) if ahead else start


def earlier_doses(check: OrderCheck) -> tuple[Neighbour, ...]:
    """Intrathecal methotrexate doses given before the planned time."""
    planned = check.instruction.planned
    given = [a for a in check.chart.methotrexate_given if a.route.is_intrathecal]
    if planned is None:
        return ()
    apart = [(hours_between(planned, _start(a, check)), a) for a in given]
    return tuple(Neighbour(h, a.dose.milligrams, a.source) for h, a in apart if h >= 0)


def _neighbours(check: OrderCheck, orders: list[DrugOrder], label: str) -> Iterator[Neighbour]:
    planned = check.instruction.planned
    for order in orders:
        for instruction in order.intrathecal if order.drug is Drug.METHOTREXATE else ():
            if planned and instruction.planned:
                hours = abs(hours_between(planned, instruction.planned))
                source = Evidence(order.label, label, None, instruction.planned.day)
                yield Neighbour(hours, instruction.dose.milligrams, source)


def other_drafts(check: OrderCheck) -> list[DrugOrder]:
    """Other intrathecal methotrexate drafts of the call that are not this order seen twice."""
    request = check.order.request
    return [
        other
        for other in check.others
        if other.is_intrathecal_methotrexate and not is_same_order(request, other.request)
    ]


def draft_neighbours(check: OrderCheck) -> tuple[Neighbour, ...]:
    """Other intrathecal methotrexate draft orders of the same call."""
    label = "draft order of intrathecal methotrexate"
    return tuple(_neighbours(check, other_drafts(check), label))


_ORDER_INTENTS = frozenset({"order", "original-order", "instance-order", "filler-order"})


def active_neighbours(check: OrderCheck) -> tuple[Neighbour, ...]:
    """Active intrathecal methotrexate orders on the server that are not this order."""
    request = check.order.request
    orders = [
        order
        for order in check.chart.methotrexate_orders
        if order.request.status == "active"
        and not order.request.do_not_perform
        and order.request.intent in _ORDER_INTENTS
        and not is_same_order(request, order.request)
    ]
    return tuple(_neighbours(check, orders, "active order of intrathecal methotrexate"))
