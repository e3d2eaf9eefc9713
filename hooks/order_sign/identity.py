"""Right drug, route, indication and product; radiotherapy (specification, 4, steps 1 to 4)."""

from __future__ import annotations

from collections.abc import Iterable

from hooks.answer import Answer, Evidence, Truth, Verdict, applies, silent
from hooks.facts.diagnosis import lm_established
from hooks.facts.fact import is_no, is_yes
from hooks.facts.order import (
    OrderCheck,
    Scope,
    intrathecal_methotrexate_order,
    non_malignant_indication,
    preservative,
    scope,
)
from hooks.facts.person import haematological_without_solid_malignancy, solid_malignancy
from hooks.readings.dates import Moment, within
from hooks.readings.malignancy import Kind
from hooks.readings.order import DrugOrder
from hooks.readings.radiotherapy import Course, Phase, Target
from hooks.readings.route import Route
from hooks.readings.wording import day_shown
from hooks.values.parameters import window


def _drug(check: OrderCheck, truth: Truth) -> Answer:
    return Answer("ordered_drug", truth, (check.source,), (), check.order.drug.value)


def is_intrathecal_vinca(check: OrderCheck) -> bool:
    """A vinca alkaloid whose route or text is intrathecal."""
    return check.order.drug.is_vinca and check.instruction.route.is_intrathecal


def vinca_intrathecal(check: OrderCheck) -> Verdict:
    """A vinca alkaloid into the CSF is fatal."""
    if check.order.drug.is_vinca and check.instruction.route is Route.MISSING:
        return silent(Answer("intrathecal_vinca", Truth.UNKNOWN, (check.source,), ("route",)))
    if not is_intrathecal_vinca(check):
        return silent(_drug(check, Truth.NO))
    return applies("critical", _drug(check, Truth.YES), drug=check.order.drug.value)


def _on_day(planned: Moment | None, orders: Iterable[DrugOrder], label: str) -> list[Evidence]:
    """The orders of which some instruction is planned for the same UTC day."""
    return [
        Evidence(order.label, label, None, planned.day)
        for order in orders
        if planned and any(i.planned and i.planned.day == planned.day for i in order.instructions)
    ]


def _server(check: OrderCheck, statuses: frozenset[str]) -> list[DrugOrder]:
    orders = check.chart.server_orders
    return [o for o in orders if o.request.status in statuses and not o.request.do_not_perform]


def _vincas_on_day(check: OrderCheck) -> list[Evidence]:
    candidates = [*check.others, *_server(check, frozenset({"active", "draft"}))]
    vincas = [order for order in candidates if order.drug.is_vinca]
    return _on_day(check.instruction.planned, vincas, "vinca alkaloid ordered")


def _methotrexate_on_day(check: OrderCheck) -> list[Evidence]:
    """Intrathecal methotrexate ordered or given on the planned day of a vinca alkaloid."""
    candidates = [*check.others, *_server(check, frozenset({"active"}))]
    orders = [order for order in candidates if order.is_intrathecal_methotrexate]
    planned = check.instruction.planned
    found = _on_day(planned, orders, "intrathecal methotrexate ordered")
    given = (a for a in check.chart.methotrexate_given if a.route.is_intrathecal)
    return [*found, *(a.source for a in given if planned and a.start.day == planned.day)]


def vinca_same_day(check: OrderCheck) -> Verdict:
    """Intravenous vinca alkaloid and intrathecal methotrexate on the same day."""
    vinca = check.order.drug.is_vinca
    found = _methotrexate_on_day(check) if vinca else _vincas_on_day(check)
    planned = check.instruction.planned
    if not found or planned is None:
        wanted = "intrathecal methotrexate" if vinca else "a vinca alkaloid"
        return silent(Answer("same_day_partner", Truth.UNKNOWN, (), (f"{wanted} on that day",)))
    answer = Answer("same_day_partner", Truth.YES, tuple(found))
    variant = "haem" if check.chart.is_haematological_only else "critical"
    return applies(variant, _drug(check, Truth.YES), answer, date=day_shown(planned.day))


_ROUTE_VARIANTS = {
    Scope.BY_TEXT: "text-names-route",
    Scope.BY_DOSE: "by-dose",
    Scope.NON_MALIGNANT: "non-malignant",
}


def route_not_coded(check: OrderCheck) -> Verdict:
    """A methotrexate order without a decisive route in a cancer patient."""
    variant = _ROUTE_VARIANTS.get(scope(check))
    asked = intrathecal_methotrexate_order(check)
    if variant is None:
        return silent(asked)
    answers = (asked, solid_malignancy(check.chart), non_malignant_indication(check))
    return applies(variant, *answers, dose=check.dose_shown or "not readable")


def indication(check: OrderCheck) -> Verdict:
    """Intrathecal route without malignancy, or without established LM."""
    chart = check.chart
    if chart.conditions_failed:
        return silent(Answer("malignancy", Truth.UNKNOWN, (), ("the problem list",)))
    if not chart.is_solid and not chart.malignancies.of(Kind.HAEMATOLOGICAL):
        documented = non_malignant_indication(check)
        variant = "non-malignant" if is_yes(documented) else "no-malignancy"
        return applies(variant, solid_malignancy(chart), documented)
    if not chart.is_solid:
        return silent(haematological_without_solid_malignancy(chart))
    established = lm_established(chart)
    if is_yes(established):
        return silent(established)
    return applies("lm-not-established", solid_malignancy(chart), established)


def preserved(check: OrderCheck) -> Verdict:
    """A preserved product, or one whose preservative status is not stated."""
    asked = preservative(check)
    if is_yes(asked):
        return silent(asked)
    return applies("preserved" if is_no(asked) else "not-stated", asked)


def _when(course: Course) -> str:
    """Phase and, for a completed course, the date."""
    if course.phase is not Phase.COMPLETED:
        return course.phase.value
    known = course.day is not None and course.days is not None
    return (
        f"completed {day_shown(course.day)}" if known and course.day else "completed, date unknown"
    )


def _recent(course: Course) -> bool:
    """Planned, active, or completed inside the critical window; without a date it counts."""
    unfinished = course.phase is not Phase.COMPLETED or course.days is None
    return unfinished or within(course.days, window("craniospinal_days"))


def craniospinal_radiotherapy(check: OrderCheck) -> Verdict:
    """Methotrexate by any route with craniospinal radiotherapy; several courses: the highest."""
    courses = [c for c in check.chart.courses if c.target is Target.CRANIOSPINAL]
    if not courses:
        missing = ("craniospinal radiotherapy history",)
        return silent(Answer("craniospinal_radiotherapy", Truth.UNKNOWN, (), missing))
    worst = min(courses, key=lambda course: (not _recent(course), course.days or 0))
    answer = Answer("craniospinal_radiotherapy", Truth.YES, tuple(c.source for c in courses))
    haematological = haematological_without_solid_malignancy(check.chart)
    variant = "past" if not _recent(worst) else "haem" if is_yes(haematological) else "recent"
    return applies(variant, answer, haematological, when=_when(worst))


def _whole_brain(course: Course) -> bool:
    if course.target is not Target.WHOLE_BRAIN:
        return False
    unfinished = course.phase is not Phase.COMPLETED
    return unfinished or within(course.days, window("whole_brain_days"))


def whole_brain_radiotherapy(check: OrderCheck) -> Verdict:
    """Whole-brain radiotherapy planned, active or just completed."""
    courses = [course for course in check.chart.courses if _whole_brain(course)]
    if not courses:
        missing = ("recent whole-brain radiotherapy",)
        return silent(Answer("whole_brain_radiotherapy", Truth.UNKNOWN, (), missing))
    answer = Answer("whole_brain_radiotherapy", Truth.YES, tuple(c.source for c in courses))
    return applies("warning", answer, when=_when(courses[0]))


def names_or_routes_intrathecal(check: OrderCheck) -> bool:
    """Whether the route or a text of the order is intrathecal, whatever the drug."""
    return check.instruction.route.is_intrathecal or check.instruction.named
