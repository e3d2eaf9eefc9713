"""Rows G (messages) and D (discovery) of the CDS Hooks 2.0.1 requirements."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class
from flask import Flask
from flask.testing import FlaskClient

from cds_service.edge import edge_of
from cds_service.routes import describe
from hooks import CONTENT_VERSION, SERVICES
from tests.conformance import empties
from tests.contract.calls import CHART, ORDER, call

PATHS = [
    ("GET", "/cds-services"),
    ("POST", f"/cds-services/{CHART}"),
    ("POST", f"/cds-services/{ORDER}"),
]


def discovered(client: FlaskClient) -> list[dict[str, Any]]:
    services: list[dict[str, Any]] = client.get("/cds-services").get_json()["services"]
    return services


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_G_01_answers_are_json(client: FlaskClient, method: str, path: str) -> None:
    body = None if method == "GET" else call(path.rsplit("/", 1)[1])
    answer = client.open(path, method=method, json=body)
    assert (answer.status_code, answer.content_type) == (200, "application/json")


@pytest.mark.parametrize("body", [b"", b"hook=patient-view", b"<call/>", b"{'hook': 1}"])
@pytest.mark.parametrize("service", [CHART, ORDER])
def test_G_01_a_body_that_is_not_json_is_refused(
    client: FlaskClient, service: str, body: bytes
) -> None:
    assert client.post(f"/cds-services/{service}", data=body).status_code == 400


def test_G_03_G_04_G_05_nothing_is_null_or_empty(
    client: FlaskClient, all_calls: list[tuple[str, Any, Any]]
) -> None:
    answers = [answer for _, _, answer in all_calls]
    answers.append(client.get("/cds-services").json)
    answers.append(client.post("/cds-services/nobody").json)
    answers.append(client.get("/nowhere").json)
    assert [found for answer in answers for found in empties(answer)] == []


def test_G_06_resources_are_standard_fhir_json(all_suggestions: list[Any]) -> None:
    resources = [a["resource"] for s in all_suggestions for a in s["actions"] if "resource" in a]
    assert resources
    for resource in resources:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


def test_G_07_answers_parse_strictly(client: FlaskClient) -> None:
    for method, path in PATHS:
        body = None if method == "GET" else call(path.rsplit("/", 1)[1])
        json.loads(client.open(path, method=method, json=body).data)


def test_G_09_no_action_selection_behavior(all_calls: list[tuple[str, Any, Any]]) -> None:
    assert "actionSelectionBehavior" not in json.dumps([answer for _, _, answer in all_calls])


def test_D_01_discovery_is_at_its_fixed_path(client: FlaskClient) -> None:
    assert client.get("/cds-services").status_code == 200


def test_D_02_discovery_holds_a_services_array(client: FlaskClient) -> None:
    assert [service["id"] for service in discovered(client)] == [CHART, ORDER]


def test_D_03_no_services_is_an_empty_array(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions, "lm_cds", dataclasses.replace(edge_of(app), services={}))
    answer = app.test_client().get("/cds-services")
    assert (answer.status_code, answer.json) == (200, {"services": []})


@pytest.mark.parametrize(
    ("row", "member"),
    [("D-04", "hook"), ("D-05", "title"), ("D-06", "description"), ("D-09", "usageRequirements")],
)
def test_D_04_D_05_D_06_D_09_each_entry_has_its_texts(
    client: FlaskClient, row: str, member: str
) -> None:
    assert all(entry[member].strip() for entry in discovered(client)), row


def test_D_04_hooks_are_the_two_that_we_answer(client: FlaskClient) -> None:
    assert [entry["hook"] for entry in discovered(client)] == ["patient-view", "order-sign"]


def test_D_07_every_advertised_id_can_be_called(client: FlaskClient) -> None:
    for entry in discovered(client):
        answer = client.post(f"/cds-services/{entry['id']}", json=call(entry["id"]))
        assert answer.status_code == 200


def test_D_08_prefetch_maps_keys_to_queries(client: FlaskClient) -> None:
    for entry in discovered(client):
        needs = {need.key: need.query for need in SERVICES[entry["id"]].needs}
        assert entry["prefetch"] == needs


def test_D_10_version_is_the_release_that_we_implement(client: FlaskClient) -> None:
    assert {entry["version"] for entry in discovered(client)} == {"2.0.1"}


def test_D_11_no_hook_version_is_claimed(client: FlaskClient) -> None:
    assert not any("hookVersion" in entry for entry in discovered(client))


def test_D_12_each_hook_has_an_id_of_its_own(client: FlaskClient) -> None:
    ids = [entry["id"] for entry in discovered(client)]
    assert len(ids) == len(set(ids)) == 2


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/cds-services/nobody/x", 404),
        ("POST", "/cds-services/nobody", 404),
        ("POST", "/cds-services/nobody/feedback", 404),
        ("POST", "/cds-services", 405),
        ("GET", f"/cds-services/{CHART}", 405),
        ("DELETE", f"/cds-services/{CHART}/feedback", 405),
    ],
)
def test_D_13_other_statuses_are_told_by_an_operation_outcome(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.json["resourceType"]) == (status, "OperationOutcome")


def test_D_15_the_content_version_is_an_extension(client: FlaskClient) -> None:
    for entry in discovered(client):
        assert entry["extension"] == {
            "org.lm-cds-hooks.content": {"contentVersion": CONTENT_VERSION}
        }


def test_discovery_is_derived_from_the_services(client: FlaskClient) -> None:
    assert discovered(client) == [describe(service) for service in SERVICES.values()]


@pytest.mark.parametrize("slash", ["/cds-services/", f"/cds-services/{CHART}/"])
def test_a_trailing_slash_is_tolerated(client: FlaskClient, slash: str) -> None:
    method = "GET" if slash == "/cds-services/" else "POST"
    body = None if method == "GET" else call(CHART)
    assert client.open(slash, method=method, json=body).status_code == 200


def test_G_08_the_features_in_use_are_documented() -> None:
    text = (Path(__file__).parents[2] / "docs/http-interface.md").read_text("utf-8")
    for feature in ("patient-view", "order-sign", "prefetch", "feedback", "412", "systemActions"):
        assert feature in text
