"""Guideline logic for leptomeningeal metastasis: pure, no network, no clock, no environment.

`SERVICES` holds the CDS services by id. Start reading at `hooks/README.md`.
"""

from __future__ import annotations

from hooks import order_sign, patient_view
from hooks.engine.cards import Card
from hooks.engine.items import Dismissal, Item
from hooks.engine.knowledge import content_version
from hooks.engine.service import Service

SERVICES: dict[str, Service] = {
    service.id: service for service in (patient_view.SERVICE, order_sign.SERVICE)
}
"""All services by id; a hook may have several."""

CONTENT_VERSION = content_version()
"""Release and hash of the knowledge that decides."""

__all__ = ["CONTENT_VERSION", "SERVICES", "Card", "Dismissal", "Item", "Service"]
