"""CDS Hooks requests about the test patients, as an EHR would send them now."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qsl

import fhir_fixtures
from cds_service.sandbox.repository import Repository
from cds_service.sandbox.search import read_search, run_search
from cds_service.sandbox.seed import seed_story
from hooks import SERVICES
from hooks.fhir import JsonObject

BASE = "https://sandbox.lm-cds-hooks.org/fhir"
"""Base of absolute URLs inside prefetch where a request names no FHIR server."""


def example_call(
    story: str, service_id: str, now: datetime, *, prefetch: bool, fhir_server: str | None = None
) -> JsonObject:
    """The request of one story to one service, its chart dated for the day of `now`.

    With `prefetch` each published template of the service is answered from the story's own
    chart. Raises `LookupError` where the story has no draft orders.
    """
    service = SERVICES[service_id]
    repository = Repository(lambda: now)
    seed_story(repository, story, now.date())
    base = fhir_server or BASE
    templates = {need.key: need.query for need in service.needs}
    return fhir_fixtures.hook_request(
        story,
        service.hook,
        now.date(),
        templates=templates if prefetch else None,
        search=lambda query: answer(query, repository, base),
        fhir_server=fhir_server,
    )


def answer(query: str, repository: Repository, base: str) -> JsonObject:
    """The answer to a FHIR read or search relative to the base, e.g. `Condition?patient=x`."""
    path, _, parameters = query.partition("?")
    kind, _, logical_id = path.partition("/")
    if logical_id:
        return repository.read(kind, logical_id)
    return run_search(read_search(kind, parse_qsl(parameters), base), repository, base)
