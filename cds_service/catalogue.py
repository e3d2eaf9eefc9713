"""The catalogue as one JSON-ready document: recommendations, source statements, sign-off."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urljoin

from cds_service.sign_off import NOT_SIGNED_OFF, SignOff
from hooks import CONTENT_VERSION, NO_RECOMMENDATION, SERVICES, Service
from hooks.engine.overview import recommendation_entry, statement_entries
from hooks.fhir import JsonObject

PATH = "catalogue"


def page(topic: str) -> str:
    """Path of the page about a card's topic, below the base URL of the service.

    A merged card and the one about unreadable data are no recommendations: it is the catalogue.
    """
    return PATH if topic in NO_RECOMMENDATION else f"recommendations/{topic}"


def page_url(base: str, topic: str) -> str:
    """Absolute URL of the page about a card's topic."""
    return urljoin(f"{base.rstrip('/')}/", page(topic))


def document(
    signed: SignOff | None,
    version: str = CONTENT_VERSION,
    services: Iterable[Service] = tuple(SERVICES.values()),
) -> JsonObject:
    """Everything that the catalogue tells of these services, in catalogue order.

    `signed` is the sign-off of the running `version`.
    """
    sentence = signed.sentence if signed else NOT_SIGNED_OFF
    entries = [
        recommendation_entry(each, service.hook)
        for service in services
        for each in service.catalogue.recommendations.values()
    ]
    return {
        "contentVersion": version,
        "signOff": _sign_off(signed),
        "recommendations": [
            {**entry, "page": page(entry["id"]), "signOff": sentence} for entry in entries
        ],
        "statements": statement_entries(entry["id"] for entry in entries),
    }


def _sign_off(signed: SignOff | None) -> JsonObject:
    if signed is None:
        return {"signedOff": False, "text": NOT_SIGNED_OFF}
    return {
        "signedOff": True,
        "text": signed.sentence,
        "person": signed.person,
        "role": signed.role,
        "date": signed.date,
    }
