"""What can be worth saying when a chart is opened."""

from __future__ import annotations

from hooks.answer import Finding
from hooks.engine.evaluate import by_facts
from hooks.engine.needs import needs_of
from hooks.engine.recommendation import Catalogue, load_catalogue
from hooks.engine.service import Service
from hooks.facts.fact import is_no, is_yes
from hooks.facts.person import adult, hospice_care, solid_malignancy
from hooks.patient_view.rules import RULES
from hooks.readings.chart import Chart


def _evaluate(chart: Chart, catalogue: Catalogue) -> tuple[Finding, ...]:
    found = []
    for name, recommendation in catalogue.recommendations.items():
        verdict = (
            by_facts(recommendation, chart) if recommendation.applies_when else RULES[name](chart)
        )
        variant = recommendation.variants[verdict.variant] if verdict.variant else None
        found.append(Finding(name, verdict, variant.indicator if variant else None))
    return tuple(found)


def _reports_gaps(chart: Chart) -> bool:
    """A patient with a solid malignancy, not known to be a child and not in hospice."""
    in_scope = is_yes(solid_malignancy(chart)) and not is_no(adult(chart))
    return in_scope and not is_yes(hospice_care(chart))


SERVICE = Service(
    id="lm-patient-view",
    hook="patient-view",
    title="Leptomeningeal metastasis: suspicion, work-up and guidance",
    description=(
        "Shows findings that EANO-ESMO 2023 lists as reasons to consider leptomeningeal "
        "metastasis, a missing repeat lumbar puncture after non-positive CSF cytology, a positive "
        "CSF cytology without diagnosis, and guidance for established leptomeningeal metastasis: "
        "type, missing imaging and results, options, follow-up. Adults with solid tumours."
    ),
    usage_requirements=(
        "FHIR R4. Patient and Condition are required, in prefetch or from the FHIR server; "
        "everything else that cannot be read is named on a card."
    ),
    needs=needs_of("patient-view"),
    catalogue=load_catalogue(__name__),
    evaluate=_evaluate,
    reports_gaps=_reports_gaps,
    ages=lambda _: {},
)
"""The service of chart open."""
