"""The integration guide: its samples are replayed, its scopes follow from the data needs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from flask.testing import FlaskClient

import fhir_fixtures
from cds_service.config import SETTINGS
from cds_service.fhir_r4b import is_valid
from hooks import SERVICES
from tests import deck

DOCS = Path(__file__).parents[1] / "docs"
GUIDE = (DOCS / "integrate.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \[([\w-]+)\]\(samples/([\w-]+)\.json\) \|.*\| ([^|]+) \|$", GUIDE, re.M)
DAY = datetime(2026, 11, 21, 12, tzinfo=UTC)
BY_REFERENCE = {"Medication"}
"""What is read one by one because an order or a dose refers to it."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("integrate"), DAY)


def sample(name: str) -> Any:
    return orjson.loads((DOCS / "samples" / f"{name}.json").read_bytes())


def answered(client: FlaskClient, body: Any) -> str:
    """The answer to a sample in the words of the guide."""
    if "feedback" in body:
        path = "/cds-services/lm-patient-view/feedback"
        return str(client.post(path, json=body).status_code)
    answer = client.post(f"/cds-services/lm-{body['hook']}", json=body)
    assert answer.status_code == 200
    shown = [f"`{name}` {indicator}" for name, indicator in deck.item_list(answer.get_json())]
    return ", ".join(shown) or "no card"


@pytest.mark.parametrize(("title", "name", "expected"), ROWS, ids=lambda value: str(value)[:30])
def test_a_sample_is_answered_as_the_guide_says(
    client: FlaskClient, title: str, name: str, expected: str
) -> None:
    assert title == name
    assert answered(client, sample(name)) == expected


def test_every_sample_stands_in_the_guide() -> None:
    assert sorted(name for _, name, _ in ROWS) == sorted(
        path.stem for path in (DOCS / "samples").glob("*.json")
    )


def resources(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [found for part in value for found in resources(part)]
    if not isinstance(value, dict):
        return []
    inner = [found for part in value.values() for found in resources(part)]
    return inner + ([value] if "resourceType" in value else [])


@pytest.mark.parametrize("name", sorted(name for _, name, _ in ROWS))
def test_samples_hold_valid_resources_but_for_the_known_defects(name: str) -> None:
    found = [each for each in resources(sample(name)) if each["resourceType"] != "Bundle"]
    invalid = [each["resourceType"] for each in found if not is_valid(each)]
    assert invalid == (["MedicationRequest"] if name == "sandbox-order-sign" else [])


def scopes() -> str:
    """The table of scopes, from the data needs of the services."""
    needs = [need for service in SERVICES.values() for need in service.needs]
    searched = {need.resource_type for need in needs if "?" in need.query}
    types = sorted({need.resource_type for need in needs} | BY_REFERENCE)
    rows = [
        f"| {kind} | {', '.join(_hooks(kind))} | `patient/{kind}.read` | "
        f"`patient/{kind}.{'rs' if kind in searched else 'r'}` |"
        for kind in types
    ]
    head = "| Resource type | Needed by | SMART v1 (CDS Hooks 2.0.1) | SMART v2 |"
    return "\n".join([head, "|---|---|---|---|", *rows])


def _hooks(kind: str) -> list[str]:
    return [
        service.hook
        for service in SERVICES.values()
        if kind in BY_REFERENCE or any(need.resource_type == kind for need in service.needs)
    ]


def test_the_scopes_are_those_of_the_data_needs() -> None:
    shown = GUIDE.partition("<!-- scopes:begin -->\n")[2].partition("\n<!-- scopes:end -->")[0]
    assert shown == scopes()


def test_settings_of_the_guide_exist() -> None:
    known = {f"LM_CDS_{setting.name}" for setting in SETTINGS}
    named = set(re.findall(r"LM_CDS_[A-Z_]+", GUIDE))
    assert named
    assert named <= known


def test_the_sandbox_link_opens_a_test_patient() -> None:
    link = next(line for line in GUIDE.splitlines() if line.startswith("https://sandbox."))
    asked = parse_qs(urlsplit(link).query)
    assert asked["patientId"][0] in {story.name for story in fhir_fixtures.stories()}
    assert asked["hook"] == ["patient-view"]
    assert asked["serviceDiscoveryURL"][0].endswith("/cds-services")
    assert asked["fhirServiceUrl"][0].endswith("/fhir")


def test_order_select_is_refused_as_the_guide_says(client: FlaskClient) -> None:
    body = sample("epic-order-sign") | {"hook": "order-select"}
    assert client.post("/cds-services/lm-order-sign", json=body).status_code == 400


def test_a_call_without_draft_orders_is_refused_as_the_guide_says(client: FlaskClient) -> None:
    body = sample("epic-order-sign")
    del body["context"]["draftOrders"]
    assert client.post("/cds-services/lm-order-sign", json=body).status_code == 400


def test_epics_empty_searches_say_that_there_is_nothing(client: FlaskClient) -> None:
    body = sample("epic-patient-view")
    for key, value in body["prefetch"].items():
        if value["resourceType"] == "Bundle" and value["total"] == 0:
            body["prefetch"][key] = {"resourceType": "OperationOutcome", "issue": []}
    assert answered(client, sample("epic-patient-view")) == "`suspected-lm` warning"
    assert "data-incomplete" in answered(client, body)
