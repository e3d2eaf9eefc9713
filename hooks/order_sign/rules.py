"""Order signing: which rule runs for which draft order (specification, section 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from hooks.answer import Answer, Truth, Verdict, silent
from hooks.facts.fact import once
from hooks.facts.order import OrderCheck, intrathecal_methotrexate_order, scope
from hooks.fhir import MedicationRequest, readable_part
from hooks.order_sign import csf_space, dosing, identity, not_verifiable
from hooks.order_sign.not_verifiable import UNREADABLE_ORDER
from hooks.readings.chart import Chart
from hooks.readings.medication import Drug
from hooks.readings.order import DrugOrder, read_order, time_of_call
from hooks.record import DraftOrder

Rule = Callable[[OrderCheck], Verdict]

INTRATHECAL_RULES: dict[str, Rule] = {
    "mtx-indication": identity.indication,
    "mtx-preservative": identity.preserved,
    "mtx-dose-per-body-size": dosing.dose_per_body_size,
    "mtx-dose-for-age": dosing.dose_for_age,
    "mtx-concentration": dosing.concentration,
    "mtx-interval": dosing.interval,
    "mtx-csf-flow": csf_space.csf_flow,
    "mtx-shunt": csf_space.shunt,
    "mtx-whole-brain-rt": identity.whole_brain_radiotherapy,
    "mtx-lumbar-access-safety": csf_space.lumbar_access_safety,
    "mtx-clearance": csf_space.clearance,
    "mtx-systemic-overlap": csf_space.systemic_overlap,
    "mtx-drug-interaction": csf_space.drug_interaction,
    "vinca-same-day": identity.vinca_same_day,
    "mtx-goals-of-care": csf_space.goals_of_care,
    "mtx-not-verifiable": not_verifiable.not_verifiable,
}
"""Step 5 and step 3: only for intrathecal methotrexate orders."""

METHOTREXATE_RULES: dict[str, Rule] = {
    "mtx-craniospinal-rt": identity.craniospinal_radiotherapy,
    "mtx-route-not-coded": identity.route_not_coded,
}
"""Step 2 and the first item of step 4: for every methotrexate order."""

RULES = frozenset({"vinca-intrathecal", *INTRATHECAL_RULES, *METHOTREXATE_RULES})
"""The recommendations that are decided here; the others name their facts in their files."""


def _request(draft: DraftOrder) -> MedicationRequest | None:
    """The MedicationRequest of a draft order, or what is readable of it; None if it is none."""
    found = draft.resource
    if found is None and draft.raw.get("resourceType") == MedicationRequest.__name__:
        found = readable_part(draft.raw)
    return found if isinstance(found, MedicationRequest) else None


@once
def drug_orders(chart: Chart) -> tuple[DrugOrder, ...]:
    """The draft orders of the call, as far as they are readable."""
    otherwise = time_of_call(chart.record.now)
    requests = ((draft, _request(draft)) for draft in chart.record.drafts)
    return tuple(
        replace(
            read_order(request, chart.record.medications, otherwise, draft.label),
            another_patient=draft.another_patient,
            damaged=draft.resource is None,
        )
        for draft, request in requests
        if request
    )


def checks(chart: Chart, order: DrugOrder, orders: tuple[DrugOrder, ...]) -> Iterator[OrderCheck]:
    """Every dosage instruction of an order, for every possible age at its planned day."""
    others = tuple(o for o in orders if o is not order and not o.another_patient)
    for instruction in order.instructions:
        planned = instruction.planned.day if instruction.planned else chart.today
        for age in chart.ages(planned) or (None,):
            yield OrderCheck(chart, order, instruction, age, others)


def verdicts(check: OrderCheck, by_facts: Mapping[str, Rule]) -> dict[str, Verdict]:
    """What each recommendation concludes about one instruction; silent ones included.

    `by_facts` holds the rules that recommendation files state as named facts.
    """
    found = _foreign(check) if check.order.another_patient else _own(check, by_facts)
    if check.order.damaged and check.order.drug is not Drug.OTHER:
        before = found.get("mtx-not-verifiable")
        unknowns = (UNREADABLE_ORDER, *(before.unknowns if before else ()))
        found["mtx-not-verifiable"] = not_verifiable.unknown_verdict(*unknowns)
    return found


def _own(check: OrderCheck, by_facts: Mapping[str, Rule]) -> dict[str, Verdict]:
    """An order of this patient, by its drug."""
    drug = check.order.drug
    if drug.is_vinca:
        return _vinca(check)
    if drug is Drug.UNREADABLE:
        return _unreadable_drug(check)
    return _methotrexate(check, by_facts) if drug is Drug.METHOTREXATE else {}


def _methotrexate(check: OrderCheck, by_facts: Mapping[str, Rule]) -> dict[str, Verdict]:
    found = {name: rule(check) for name, rule in METHOTREXATE_RULES.items()}
    if scope(check).is_intrathecal:
        rules = {**INTRATHECAL_RULES, **by_facts}
        return found | {name: rule(check) for name, rule in rules.items()}
    return found | {"mtx-not-verifiable": not_verifiable.systemic_not_verifiable(check)}


def _vinca(check: OrderCheck) -> dict[str, Verdict]:
    intrathecal = identity.vinca_intrathecal(check)
    if identity.is_intrathecal_vinca(check):
        return {"vinca-intrathecal": intrathecal}
    return {"vinca-intrathecal": intrathecal, "vinca-same-day": identity.vinca_same_day(check)}


def _unreadable_drug(check: OrderCheck) -> dict[str, Verdict]:
    if not (check.order.names_methotrexate or identity.names_or_routes_intrathecal(check)):
        return {}
    unknown = not_verifiable.unknown_verdict(not_verifiable.DRUG, not_verifiable.NOT_A_VINCA)
    return {"mtx-not-verifiable": unknown}


def _foreign(check: OrderCheck) -> dict[str, Verdict]:
    """An order of another patient: only what the order itself shows, never this chart."""
    if not identity.names_or_routes_intrathecal(check):
        return {}
    own = {"mtx-not-verifiable": not_verifiable.unknown_verdict(not_verifiable.OTHER_PATIENT)}
    if check.order.drug.is_vinca:
        return {**own, "vinca-intrathecal": identity.vinca_intrathecal(check)}
    if check.order.drug is Drug.METHOTREXATE:
        return {**own, **order_only(check)}
    if check.order.drug is Drug.UNREADABLE:
        names = (not_verifiable.DRUG, not_verifiable.NOT_A_VINCA, not_verifiable.OTHER_PATIENT)
        return {"mtx-not-verifiable": not_verifiable.unknown_verdict(*names)}
    return {}


def order_only(check: OrderCheck) -> dict[str, Verdict]:
    """The items that need nothing but the order: dose, unit and preservative."""
    anonymous = OrderCheck(check.chart, check.order, check.instruction, None)
    dose = dosing.dose_for_age(anonymous)
    return {
        "mtx-preservative": identity.preserved(anonymous),
        "mtx-dose-per-body-size": dosing.dose_per_body_size(anonymous),
        "mtx-dose-for-age": silent(*dose.answers) if dose.variant == "age-unknown" else dose,
    }


def not_addressed(check: OrderCheck | None) -> Verdict:
    """The verdict of a recommendation that does not concern this order."""
    if check is None:
        return silent(Answer("draft_order_readable", Truth.UNKNOWN, (), ("the draft order",)))
    if check.order.drug is Drug.METHOTREXATE:
        return silent(intrathecal_methotrexate_order(check))
    if check.order.drug is Drug.UNREADABLE:
        return silent(Answer("ordered_drug", Truth.UNKNOWN, (check.source,), ("drug",)))
    return silent(Answer("ordered_drug", Truth.NO, (check.source,), (), check.order.drug.value))


def unreadable(chart: Chart) -> tuple[str, ...]:
    """The labels of draft entries that cannot be read as an order at all."""
    return tuple(draft.label for draft in chart.record.drafts if _request(draft) is None)


UNREADABLE_VERDICTS = {"mtx-not-verifiable": not_verifiable.unknown_verdict(UNREADABLE_ORDER)}
"""The verdict on a draft entry that cannot be read."""
