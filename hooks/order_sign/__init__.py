"""What can stop a signature on an intrathecal methotrexate or vinca alkaloid order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from hooks.answer import Answer, Evidence, Finding, Truth, Verdict
from hooks.engine.evaluate import by_facts
from hooks.engine.items import rank
from hooks.engine.needs import needs_of
from hooks.engine.recommendation import Catalogue, Recommendation, load_catalogue
from hooks.engine.service import Service
from hooks.facts.order import order_evidence
from hooks.order_sign import rules
from hooks.order_sign.declarations import with_remarks
from hooks.readings.chart import Chart
from hooks.readings.order import DrugOrder


def _indicated(name: str, verdict: Verdict, catalogue: Catalogue, order: Evidence) -> Finding:
    """The finding of one recommendation for one order; what applies cites the order."""
    if verdict.variant is None:
        return Finding(name, verdict, None, order.reference)
    indicator = catalogue.recommendations[name].variants[verdict.variant].indicator
    cited = Answer("draft_order", Truth.YES, (order,))
    told = replace(verdict, answers=(cited, *verdict.answers))
    return Finding(name, told, indicator, order.reference)


def _highest(findings: Sequence[Finding]) -> Finding:
    """Of several instructions and possible ages the highest indicator counts.

    What any of them leaves unverified is named.
    """
    first = min(findings, key=lambda finding: rank(finding.verdict, finding.indicator))
    unknowns = tuple(dict.fromkeys(u for f in findings for u in f.verdict.unknowns))
    if unknowns == first.verdict.unknowns:
        return first
    fills = {**first.verdict.fills, "unknowns": unknowns}
    return replace(first, verdict=replace(first.verdict, unknowns=unknowns, fills=fills))


def _by_facts(catalogue: Catalogue) -> dict[str, rules.Rule]:
    def rule(recommendation: Recommendation) -> rules.Rule:
        return partial(by_facts, recommendation)

    return {name: rule(r) for name, r in catalogue.recommendations.items() if r.applies_when}


def _of_order(
    chart: Chart, order: DrugOrder, orders: tuple[DrugOrder, ...], catalogue: Catalogue
) -> list[Finding]:
    """The finding of every recommendation for one readable order."""
    extra = _by_facts(catalogue)
    found: dict[str, list[Finding]] = {name: [] for name in catalogue.recommendations}
    for check in rules.checks(chart, order, orders):
        verdicts = rules.verdicts(check, extra)
        for name, findings in found.items():
            verdict = verdicts.get(name) or rules.not_addressed(check)
            findings.append(_indicated(name, verdict, catalogue, check.source))
    every = [finding for findings in found.values() for finding in findings]
    return [with_remarks(_highest(findings), every) for findings in found.values()]


def _evaluate(chart: Chart, catalogue: Catalogue) -> tuple[Finding, ...]:
    orders = rules.drug_orders(chart)
    found = [f for order in orders for f in _of_order(chart, order, orders, catalogue)]
    for label in rules.unreadable(chart):
        for name in catalogue.recommendations:
            verdict = rules.UNREADABLE_VERDICTS.get(name) or rules.not_addressed(None)
            found.append(_indicated(name, verdict, catalogue, order_evidence(label)))
    return tuple(found)


def _ages(chart: Chart) -> dict[str, int | None]:
    """The youngest possible age at each order's first planned day; None = unknown."""
    ages: dict[str, int | None] = {}
    for order in rules.drug_orders(chart):
        planned = order.instructions[0].planned
        possible = chart.ages(planned.day if planned else chart.today)
        ages[order.label] = possible[0] if possible and not order.another_patient else None
    return ages


SERVICE = Service(
    id="lm-order-sign",
    hook="order-sign",
    title="Intrathecal methotrexate and vinca alkaloids: order safety",
    description=(
        "Checks draft orders for intrathecal methotrexate (dose, formulation, interval, CSF "
        "flow, shunt, radiotherapy, access) and for vinca alkaloids. What cannot be verified "
        "from the record is named on a card."
    ),
    usage_requirements=(
        "FHIR R4. Only context.draftOrders is required; prefetch or access to the FHIR server "
        "decides how much can be verified."
    ),
    needs=needs_of("order-sign"),
    catalogue=load_catalogue(__name__),
    evaluate=_evaluate,
    reports_gaps=lambda _: False,
    ages=_ages,
)
"""The service of order signing."""
