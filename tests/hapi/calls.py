"""Test patients under ids of their own on the server, and calls about them that ask everything."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

import fhir_fixtures
from tests import deck
from tests.charts.build import Chart
from tests.charts.request import request
from tests.charts.vocabulary import JsonObject
from tests.hapi.client import Hapi, renamed_chart
from tests.tools import write_golden

HOOKS = ("patient-view", "order-sign")
Reasons = set[tuple[str, str]]
"""(resource type, reason) pairs."""


def story(name: str, copy: str) -> Chart:
    """A test patient under new ids; nothing is written yet."""
    resources = [entry["resource"] for entry in fhir_fixtures.load(name)["entry"]]
    orders = fhir_fixtures.draft_orders(name)
    chart = Chart(resources, orders, fhir_fixtures.patient_id(name), write_golden.NOW)
    return renamed_chart(chart, copy)


def held_story(hapi: Hapi, name: str, copy: str) -> Chart:
    """A test patient under new ids, held by the server."""
    chart = story(name, copy)
    hapi.put(*chart.resources)
    return chart


def resource(chart: Chart, ending: str) -> JsonObject:
    """The resource of a chart whose id ends like this."""
    return next(found for found in chart.resources if found["id"].endswith(ending))


def answer(client: FlaskClient, chart: Chart, hook: str, base: str, **more: Any) -> JsonObject:
    """The answer to a call without prefetch."""
    return deck.post(client, hook, request(chart, hook, "server", base) | more)


def items(client: FlaskClient, chart: Chart, hook: str, base: str) -> frozenset[deck.Item]:
    """The items of that answer."""
    return deck.items(answer(client, chart, hook, base))


def expected(name: str, hook: str) -> frozenset[deck.Item]:
    """What a test patient's story says that a hook answers."""
    told = next(s for s in fhir_fixtures.stories() if s.name == name).expected
    return frozenset(told[deck.SERVICE_OF[hook]])


def unread(given: JsonObject) -> Reasons:
    """What the cards of an answer say could not be read."""
    unknowns = [
        unknown
        for card in given["cards"]
        for unknown in deck.extension(card, "basis").get("unknowns", ())
    ]
    return {(u["category"], u["reason"]) for u in unknowns if u.get("category") and "reason" in u}


def benign(chart: Chart, count: int) -> list[JsonObject]:
    """Conditions of the patient that no fact reads, to fill pages with."""
    return [
        {
            "resourceType": "Condition",
            "id": f"{chart.patient_id}-benign-{number}",
            "subject": {"reference": f"Patient/{chart.patient_id}"},
            "code": {"text": "Essential hypertension"},
        }
        for number in range(count)
    ]


def papilloedema(chart: Chart) -> JsonObject:
    """A red flag three days before the reference day."""
    return {
        "resourceType": "Condition",
        "id": f"{chart.patient_id}-red-flag",
        "subject": {"reference": f"Patient/{chart.patient_id}"},
        "clinicalStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                    "code": "active",
                }
            ]
        },
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "423341008"}]},
        "onsetDateTime": "2026-01-12",
    }
