"""Row X-15 (CORS), headers of every answer, health, and the production profile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.config import Settings
from cds_service.edge import edge_of
from hooks import CONTENT_VERSION
from tests import clients
from tests.contract.calls import CHART, ORDER, call, recommendations

ENDPOINTS = ["/cds-services", f"/cds-services/{CHART}", f"/cds-services/{ORDER}/feedback"]
PAGE = "https://sandbox.cds-hooks.org"


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(Settings.from_env(clients.production(tmp_path)))
    yield app
    edge_of(app).close()


def preflight(client: FlaskClient, path: str, origin: str, **headers: str) -> Any:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return client.options(path, headers=asked | headers)


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("origin", [PAGE, "http://localhost:3000", "http://127.0.0.1:9000"])
def test_X_15_pages_of_the_sandbox_may_call(client: FlaskClient, path: str, origin: str) -> None:
    answer = preflight(client, path, origin)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    allowed = answer.headers["Access-Control-Allow-Headers"].lower().replace(" ", "").split(",")
    assert {"authorization", "content-type"} <= set(allowed)
    method = "GET" if path == "/cds-services" else "POST"
    assert method in answer.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


def test_X_15_the_answer_itself_and_errors_are_shared(client: FlaskClient) -> None:
    for path in ("/cds-services", "/cds-services/nobody"):
        answer = client.get(path, headers={"Origin": PAGE})
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE


def test_X_15_a_public_page_may_reach_this_host(client: FlaskClient) -> None:
    asked = {"Access-Control-Request-Private-Network": "true"}
    answer = preflight(client, ENDPOINTS[1], PAGE, **asked)
    assert answer.headers["Access-Control-Allow-Private-Network"] == "true"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example"]
)
def test_X_15_other_pages_may_not(client: FlaskClient, origin: str) -> None:
    for answer in (
        preflight(client, ENDPOINTS[1], origin),
        client.get("/cds-services", headers={"Origin": origin}),
    ):
        assert not any(name.startswith("Access-Control") for name, _ in answer.headers)


def test_X_15_production_shares_nothing(production: Flask) -> None:
    client = production.test_client()
    for origin in (PAGE, "http://localhost:3000"):
        answer = preflight(client, ENDPOINTS[1], origin)
        assert not any(name.startswith("Access-Control") for name, _ in answer.headers)


@pytest.mark.parametrize("path", ["/cds-services", "/livez", "/readyz", "/nowhere"])
def test_every_answer_carries_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_health_tells_what_is_ready(client: FlaskClient) -> None:
    assert client.get("/livez").json == {"status": "alive"}
    assert client.get("/readyz").json == {"status": "ready", "contentVersion": CONTENT_VERSION}


def test_production_has_no_sandbox(production: Flask) -> None:
    client = production.test_client()
    assert client.get("/").json == {
        "service": "lm-cds-hooks",
        "discovery": "https://cds.example/cds-services",
        "catalogue": "https://cds.example/catalogue",
    }
    for path in ("/fhir/metadata", "/fhir/Patient", f"/sandbox/explain/{CHART}"):
        assert client.open(path, method="GET").status_code == 404


def test_production_answers_calls(production: Flask) -> None:
    client = clients.calling(production)
    answer = client.post(f"/cds-services/{ORDER}", json=call(ORDER))
    assert ("mtx-dose-for-age", "critical") in recommendations(answer)


def test_an_unforeseen_fault_is_500_without_a_trace(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: Any) -> Any:
        raise RuntimeError("marker-4711")

    monkeypatch.setattr("cds_service.answers.build", fault)
    answer = client.post(f"/cds-services/{ORDER}", json=call(ORDER))
    assert (answer.status_code, answer.json["issue"][0]["code"]) == (500, "exception")
    assert b"marker-4711" not in answer.data


def test_a_fault_outside_a_route_is_logged_by_class_only(
    capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    app = create_app(settings)

    @app.after_request
    def _fault(_: Any) -> Any:
        raise RuntimeError("marker-4711")

    app.testing = False
    assert app.test_client().get("/nowhere").status_code == 500
    written = capsys.readouterr().err
    edge_of(app).close()
    assert '"error":"RuntimeError"' in written
    assert "marker-4711" not in written
    assert "Traceback" not in written
