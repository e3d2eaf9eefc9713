"""What can stop a signature on an intrathecal methotrexate or vinca alkaloid order."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from hooks.answer import Finding, Verdict
from hooks.engine.evaluate import by_facts
from hooks.engine.items import rank
from hooks.engine.needs import needs_of
from hooks.engine.recommendation import Catalogue, Recommendation, load_catalogue
from hooks.engine.service import Service
from hooks.order_sign import rules
from hooks.readings.chart import Chart
from hooks.readings.order import DrugOrder


def _indicated(name: str, verdict: Verdict, catalogue: Catalogue, order: str) -> Finding:
    variants = catalogue.recommendations[name].variants
    variant = variants[verdict.variant] if verdict.variant else None
    return Finding(name, verdict, variant.indicator if variant else None, order)


def _highest(findings: Iterable[Finding]) -> Finding:
    """Of several instructions and possible ages the highest indicator counts."""
    return min(findings, key=lambda finding: rank(finding.verdict, finding.indicator))


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
            findings.append(_indicated(name, verdict, catalogue, order.label))
    return [_highest(findings) for findings in found.values()]


def _evaluate(chart: Chart, catalogue: Catalogue) -> tuple[Finding, ...]:
    orders = rules.drug_orders(chart)
    found = [f for order in orders for f in _of_order(chart, order, orders, catalogue)]
    for draft in chart.record.drafts:
        if draft.resource is None:
            verdicts = rules.unreadable(chart, draft)
            for name in catalogue.recommendations:
                verdict = verdicts.get(name) or rules.not_addressed(None)
                found.append(_indicated(name, verdict, catalogue, draft.label))
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
