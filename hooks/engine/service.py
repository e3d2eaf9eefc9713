"""A CDS service: its identity, data needs, rules and catalogue, evaluated over one record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hooks.answer import Answer, Finding, Indicator, Truth, applies
from hooks.engine import explain
from hooks.engine.cards import INCOMPLETE, Card, Page, lay_out
from hooks.engine.items import Dismissal, Item, items, without_dismissed
from hooks.engine.knowledge import content_version
from hooks.engine.needs import needs_at
from hooks.engine.recommendation import Catalogue
from hooks.engine.site_recommendations import with_added
from hooks.engine.suggestions import Context
from hooks.fhir import JsonObject
from hooks.readings.chart import Chart
from hooks.record import DataNeed, PatientRecord
from hooks.site import NO_SITE, Site

Evaluate = Callable[[Chart, Catalogue], tuple[Finding, ...]]


@dataclass(frozen=True, slots=True)
class Service:
    """One CDS Hooks service.

    `evaluate` gives the finding of every recommendation; `reports_gaps` says whether data that
    could not be read deserve an item of their own for this chart; `ages` gives the age that a
    draft order's dose is meant for; `site` is what the site adds to needs, catalogue and version.
    """

    id: str
    hook: str
    title: str
    description: str
    usage_requirements: str
    needs: tuple[DataNeed, ...]
    catalogue: Catalogue
    evaluate: Evaluate
    reports_gaps: Callable[[Chart], bool]
    ages: Callable[[Chart], dict[str, int | None]]
    site: Site = NO_SITE

    def at(self, site: Site) -> Service:
        """The same service at a site: with its codes, recommendations and version.

        Raises `BadRecommendation`.
        """
        catalogue = with_added(self.catalogue, site.recommendations.get(self.hook, {}))
        return replace(self, site=site, needs=needs_at(self.needs, site), catalogue=catalogue)

    @property
    def content_version(self) -> str:
        """Release and hash of the knowledge that decides, with that of the site."""
        return content_version(self.site)

    def findings(self, record: PatientRecord) -> tuple[Finding, ...]:
        """The finding of every recommendation, per draft order on order-sign."""
        return self.evaluate(Chart(record), self.catalogue)

    def items(self, record: PatientRecord, dismissals: Sequence[Dismissal] = ()) -> list[Item]:
        """What there is to say, in priority order, without what the user dismissed."""
        return self._items(Chart(record), dismissals)

    def cards(
        self, record: PatientRecord, dismissals: Sequence[Dismissal] = ()
    ) -> tuple[Card, ...]:
        """The cards of one call, most urgent first."""
        chart = Chart(record)
        drafts = {draft.label: draft for draft in record.drafts}
        page = Page(
            catalogue=self.catalogue,
            context=Context(record, drafts, self.ages(chart)),
            failures=tuple(dict.fromkeys(record.failures)),
            content_version=self.content_version,
            on_orders=self.on_orders,
        )
        return lay_out(self._items(chart, dismissals), page)

    @property
    def on_orders(self) -> bool:
        """Whether the cards are about draft orders; their items cannot be dismissed."""
        return self.hook == "order-sign"

    def _items(self, chart: Chart, dismissals: Sequence[Dismissal]) -> list[Item]:
        findings = (*self.evaluate(chart, self.catalogue), *self._gaps(chart))
        found = items(findings, self.catalogue)
        if self.on_orders:
            return found
        return without_dismissed(found, dismissals, chart.record.now)

    def explanation(self, record: PatientRecord) -> list[JsonObject]:
        """For every recommendation: outcome, facts, evidence and what is missing."""
        return explain.explanation(self.findings(record), self.catalogue)

    def _gaps(self, chart: Chart) -> tuple[Finding, ...]:
        """The item that names what could not be read."""
        failures = chart.record.failures
        if not failures or not self.reports_gaps(chart):
            return ()
        categories = ", ".join(sorted({failure.category for failure in failures}))
        answer = Answer("data_complete", Truth.UNKNOWN, (), (), categories)
        return (Finding(INCOMPLETE, applies("info", answer), Indicator.INFO),)
