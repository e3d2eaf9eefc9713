"""Calls and FHIR servers for the conformance tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import fhir_fixtures
from cds_service.sandbox.example_calls import answer, example_call
from cds_service.sandbox.repository import Repository
from cds_service.sandbox.seed import seed_story
from hooks import SERVICES
from tests import fault_server

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CHART = "lm-patient-view"
ORDER = "lm-order-sign"
SUSPECT = "breast-diplopia-and-headache"
"""A story whose chart gives a card at chart open."""
OVERDOSE = "seven-items-at-once"
"""A story whose order gives critical cards at signing."""
PAIRS = [(service, story) for story in fhir_fixtures.stories() for service in story.expected]
AUTHORIZATION = {
    "access_token": "canary-token-4711",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/*.read",
    "subject": "lm-cds",
}


def call(service: str, story: str | None = None, **changes: Any) -> dict[str, Any]:
    """A call with complete prefetch; changes replace members, None removes one."""
    chosen = story or (SUSPECT if service == CHART else OVERDOSE)
    body = example_call(chosen, service, NOW, prefetch=True)
    return {name: value for name, value in (body | changes).items() if value is not None}


def context(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same call with members of its context replaced; None removes one."""
    merged = body["context"] | changes
    return body | {"context": {k: v for k, v in merged.items() if v is not None}}


def recommendations(response: Any) -> set[tuple[str, str]]:
    """The (recommendation id, indicator) pairs of an answer."""
    return {
        (item["id"], item["indicator"])
        for card in response.json["cards"]
        for name, value in card["extension"].items()
        if name.endswith(".recommendations")
        for item in value
    }


def unknowns(response: Any) -> set[tuple[str, str]]:
    """The (category, reason) pairs that the cards name as not read."""
    return {
        (unknown["category"], unknown["reason"])
        for card in response.json["cards"]
        for name, value in card["extension"].items()
        if name.endswith(".basis")
        for unknown in value.get("unknowns", [])
    }


def template_of(service: str, key: str) -> str:
    """One published prefetch template."""
    return next(need.query for need in SERVICES[service].needs if need.key == key)


@contextmanager
def chart_server(story: str) -> Iterator[fault_server.FaultServer]:
    """A FHIR server on a real socket that holds the chart of one story."""
    repository = Repository(lambda: NOW)
    seed_story(repository, story, NOW.date())
    with fault_server.fault_server() as server:

        def behave(exchange: fault_server.Exchange) -> bool:
            query = exchange.target.removeprefix("/fhir/")
            try:
                found = answer(query, repository, server.base)
            except Exception:
                return fault_server.status(404)(exchange)
            return fault_server.answer(found)(exchange)

        server.on("/", behave)
        yield server
