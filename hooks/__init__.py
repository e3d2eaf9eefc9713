"""Guideline logic for leptomeningeal metastasis: pure, no network, no clock, no environment.

`SERVICES` holds the CDS services by id. Start reading at `hooks/README.md`.
"""

from __future__ import annotations

from hooks import order_sign, patient_view
from hooks.engine.cards import NO_RECOMMENDATION, Card, order_not_checked
from hooks.engine.items import Dismissal, Item
from hooks.engine.knowledge import content_version
from hooks.engine.recommendation import BadRecommendation
from hooks.engine.service import Service
from hooks.engine.site_recommendations import additions
from hooks.site import NO_SITE, NOTHING_ADDED, Additions, Site
from hooks.values.overlay import BadSiteFile, site_of

SERVICES: dict[str, Service] = {
    service.id: service for service in (patient_view.SERVICE, order_sign.SERVICE)
}
"""All services by id; a hook may have several."""

CONTENT_VERSION = content_version()
"""Release and hash of our own knowledge; `Service.content_version` adds that of the site."""

__all__ = [
    "CONTENT_VERSION",
    "NOTHING_ADDED",
    "NO_RECOMMENDATION",
    "NO_SITE",
    "SERVICES",
    "Additions",
    "BadRecommendation",
    "BadSiteFile",
    "Card",
    "Dismissal",
    "Item",
    "Service",
    "Site",
    "additions",
    "content_version",
    "order_not_checked",
    "site_of",
]
