"""`POST /sandbox/explain/{service}`: every recommendation, with what is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.sandbox.example_calls import example_call
from hooks import CONTENT_VERSION, SERVICES

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def body(story: str, service: str, **members: Any) -> dict[str, Any]:
    return example_call(story, service, NOW, prefetch=True) | members


@pytest.mark.parametrize("service", list(SERVICES))
def test_explanation_of_a_complete_call(client: FlaskClient, service: str) -> None:
    answer = client.post(f"/sandbox/explain/{service}", json=body("ommaya-clean-order", service))
    assert answer.status_code == 200
    assert answer.json["service"] == service
    assert answer.json["content_version"] == CONTENT_VERSION
    assert answer.json["failures"] == []
    assert answer.json["recommendations"]


def test_failures_are_named(client: FlaskClient) -> None:
    request = body("ommaya-clean-order", "lm-order-sign")
    del request["prefetch"]["labs"]
    answer = client.post("/sandbox/explain/lm-order-sign", json=request)
    assert answer.json["failures"] == [{"category": "Observation", "reason": "no-server"}]


def test_missing_required_data_are_explained_not_refused(client: FlaskClient) -> None:
    request = body("breast-new-headache", "lm-patient-view", prefetch={})
    assert client.post("/cds-services/lm-patient-view", json=request).status_code == 412
    answer = client.post("/sandbox/explain/lm-patient-view", json=request)
    assert answer.status_code == 200
    assert {"category": "Patient", "reason": "no-server"} in answer.json["failures"]


def test_what_a_hook_call_refuses_is_refused(client: FlaskClient) -> None:
    assert client.post("/sandbox/explain/lm-patient-view", data=b"{").status_code == 400
    assert client.post("/sandbox/explain/nobody", json={}).status_code == 404
