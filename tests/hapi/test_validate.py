"""A real server's validator finds no error in the test patients and in what we suggest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

import fhir_fixtures
from hooks.answer import Finding, applies
from hooks.engine import suggestions
from hooks.engine.recommendation import RESERVED_SUGGESTIONS
from hooks.engine.suggestions import Context
from hooks.values import yaml_file
from tests.hapi.client import Hapi
from tests.tools import write_golden
from tests.unit.hooks.records import order, record

pytestmark = pytest.mark.hapi
STORIES = [story.name for story in fhir_fixtures.stories()]
SUGGESTED = sorted({*yaml_file("suggestions.yaml")["suggestions"], *RESERVED_SUGGESTIONS})


def faults(hapi: Hapi, resources: list[dict[str, Any]]) -> list[str]:
    return [
        f"{r['resourceType']}/{r.get('id', '')}: {told}"
        for r in resources
        for told in hapi.faults(r)
    ]


def proposed(actions: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [action["resource"] for action in actions if "resource" in action]


def test_the_validator_finds_errors(hapi: Hapi) -> None:
    """Its status is 200 in any case."""
    assert hapi.faults({"resourceType": "Condition", "code": {"text": "no subject"}})


@pytest.mark.parametrize("story", STORIES)
def test_test_patient(hapi: Hapi, story: str) -> None:
    orders = fhir_fixtures.draft_orders(story) or {"entry": []}
    entries = fhir_fixtures.load(story)["entry"] + orders["entry"]
    assert faults(hapi, [entry["resource"] for entry in entries]) == []


def test_suggestions_of_the_stored_answers(hapi: Hapi) -> None:
    found: dict[str, dict[str, Any]] = {}
    for service, story in write_golden.calls():
        path = write_golden.FOLDER / service / story / "response.json"
        cards = orjson.loads(path.read_bytes())["cards"]
        listed = [s for card in cards for s in card.get("suggestions", ())]
        for resource in proposed(action for s in listed for action in s["actions"]):
            subject = {"subject": {"reference": "Patient/p"}}
            found.setdefault(json.dumps(resource | subject, sort_keys=True), resource)
    assert len(found) >= 10
    assert faults(hapi, list(found.values())) == []


@pytest.mark.parametrize("name", SUGGESTED)
def test_every_suggestion_there_is(hapi: Hapi, name: str) -> None:
    held = record(orders=[order()])
    label = held.drafts[0].label
    context = Context(held, {label: held.drafts[0]}, {label: 56})
    built = suggestions.build(name, Finding("any", applies("any"), order=label), context)
    assert faults(hapi, proposed(a for s in built for a in s["actions"])) == []
