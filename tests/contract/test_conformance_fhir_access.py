"""Rows F: queries to the FHIR server of the call, and what becomes of its token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from hooks import SERVICES
from tests import fault_server
from tests.contract.calls import (
    AUTHORIZATION,
    CHART,
    ORDER,
    OVERDOSE,
    SUSPECT,
    call,
    chart_server,
    context,
    recommendations,
    unknowns,
)

TOKEN = AUTHORIZATION["access_token"]


def post(client: FlaskClient, service: str, body: dict[str, Any]) -> Any:
    return client.post(f"/cds-services/{service}", json=body)


def test_F_01_the_server_is_queried_with_and_without_authorization(client: FlaskClient) -> None:
    for authorization in (AUTHORIZATION, None):
        with chart_server(SUSPECT) as server:
            access = {"fhirServer": server.base, "fhirAuthorization": authorization}
            answer = post(client, CHART, call(CHART, prefetch=None, **access))
            assert server.requests
        assert recommendations(answer)


def test_F_02_the_token_goes_with_every_query_and_every_page(client: FlaskClient) -> None:
    with fault_server.fault_server() as server:
        body = call(CHART)
        following = f"{server.base}?_getpages=1"
        server.on("?_getpages", fault_server.answer(fault_server.bundle()))
        server.on("/", fault_server.answer(fault_server.bundle()))
        body["prefetch"] = {
            "patient": body["prefetch"]["patient"],
            "conditions": body["prefetch"]["conditions"]
            | {"link": [{"relation": "next", "url": following}]},
        }
        post(client, CHART, body | {"fhirServer": server.base, "fhirAuthorization": AUTHORIZATION})
        sent = [request.headers.get("Authorization") for request in server.requests]
        assert any("_getpages" in target for target in server.targets)
    assert len(sent) > 5
    assert set(sent) == {f"Bearer {TOKEN}"}


def test_F_03_the_token_is_used_for_this_call_only(client: FlaskClient) -> None:
    with chart_server(SUSPECT) as server:
        body = call(CHART, prefetch=None, fhirServer=server.base)
        post(client, CHART, body | {"fhirAuthorization": AUTHORIZATION})
        first = len(server.requests)
        post(client, CHART, body)
        later = [request.headers.get("Authorization") for request in server.requests[first:]]
    assert later
    assert set(later) == {None}


def test_F_04_the_token_is_never_stored_logged_or_told(
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    client: FlaskClient,
    tmp_path: Path,
) -> None:
    caplog.set_level("DEBUG")
    answers = []
    for status in (200, 401, 500):
        with chart_server(SUSPECT) as server:
            if status != 200:
                server.on("/", fault_server.status(status))
            access = {"fhirServer": server.base, "fhirAuthorization": AUTHORIZATION}
            for service in (CHART, ORDER):
                answers.append(post(client, service, call(service, prefetch=None, **access)))
    incomplete = AUTHORIZATION | {"scope": ""}
    answers.append(post(client, ORDER, call(ORDER, prefetch=None, fhirAuthorization=incomplete)))
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    output = capfd.readouterr()
    assert written
    assert "hook-answered" in output.err
    assert TOKEN.encode() not in written
    assert TOKEN not in output.out + output.err + caplog.text
    assert not any(TOKEN.encode() in answer.data for answer in answers)


@pytest.mark.parametrize("missing", [*AUTHORIZATION, "all"])
def test_F_05_an_incomplete_authorization_makes_no_query_and_no_4xx_at_signing(
    client: FlaskClient, missing: str
) -> None:
    left = {k: v for k, v in AUTHORIZATION.items() if missing not in (k, "all")}
    with chart_server(OVERDOSE) as server:
        access = {"fhirServer": server.base, "fhirAuthorization": left}
        answer = post(client, ORDER, call(ORDER, prefetch=None, **access))
        assert server.requests == []
    assert answer.status_code == 200
    assert ("Condition", "not-allowed") in unknowns(answer)


def test_F_05_a_token_for_another_patient_is_not_used(client: FlaskClient) -> None:
    with chart_server(OVERDOSE) as server:
        bound = AUTHORIZATION | {"patient": "somebody-else"}
        access = {"fhirServer": server.base, "fhirAuthorization": bound}
        post(client, ORDER, call(ORDER, prefetch=None, **access))
        assert server.requests == []


@pytest.mark.parametrize(
    "server",
    [
        "https://fhir.example/r4",
        "http://169.254.169.254/latest",
        "http://10.0.0.1/fhir",
        "file:///etc/passwd",
        "http://127.0.0.1@fhir.example/r4",
        "not a url",
    ],
)
def test_F_07_a_server_that_is_not_allowed_is_not_contacted(
    client: FlaskClient, server: str
) -> None:
    answer = post(client, ORDER, call(ORDER, prefetch=None, fhirServer=server))
    assert answer.status_code == 200
    categories = {need.resource_type for need in SERVICES[ORDER].needs}
    assert unknowns(answer) >= {(category, "not-allowed") for category in categories}


def test_F_07_an_odd_patient_id_never_becomes_part_of_an_address(client: FlaskClient) -> None:
    with chart_server(OVERDOSE) as server:
        body = call(ORDER, prefetch=None, fhirServer=server.base)
        for odd in ("..", "x?_count=1", "a/../b", "%2e%2e"):
            post(client, ORDER, context(body, patientId=odd))
        assert server.requests == []
