"""The catalogue as one JSON-ready document: recommendations, source statements, sign-off."""

from __future__ import annotations

from urllib.parse import urljoin

from cds_service.sign_off import NOT_SIGNED_OFF, SignOff
from hooks import CONTENT_VERSION, SERVICES
from hooks.engine.overview import recommendation_entry, statement_entries
from hooks.fhir import JsonObject

PATH = "catalogue"
RECOMMENDATIONS = {
    name: (recommendation, service.hook)
    for service in SERVICES.values()
    for name, recommendation in service.catalogue.recommendations.items()
}
"""Every recommendation of this release with its hook, in catalogue order."""


def page(topic: str) -> str:
    """Path of the page about a card's topic, below the base URL of the service.

    A merged card and the one about unreadable data are no recommendations: it is the catalogue.
    """
    return f"recommendations/{topic}" if topic in RECOMMENDATIONS else PATH


def page_url(base: str, topic: str) -> str:
    """Absolute URL of the page about a card's topic."""
    return urljoin(f"{base.rstrip('/')}/", page(topic))


def document(signed: SignOff | None, version: str = CONTENT_VERSION) -> JsonObject:
    """Everything that the catalogue tells; `signed` is the sign-off of the running `version`."""
    sentence = signed.sentence if signed else NOT_SIGNED_OFF
    entries = [recommendation_entry(each, hook) for each, hook in RECOMMENDATIONS.values()]
    return {
        "contentVersion": version,
        "signOff": _sign_off(signed),
        "recommendations": [
            {**entry, "page": page(entry["id"]), "signOff": sentence} for entry in entries
        ],
        "statements": statement_entries(RECOMMENDATIONS),
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
