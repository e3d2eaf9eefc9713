"""Rows X-01 to X-13, B-08 and D-14: who may call, and how they prove it."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.config import Settings
from cds_service.edge import edge_of
from cds_service.network_policy import LOOPBACK
from tests import clients, token_table
from tests.clients import DISCOVERY, OWN, PUBLIC, Signer
from tests.contract.calls import CHART, ORDER, call
from tests.drill import authenticated
from tests.fault_server import FaultServer, answer, fault_server, status
from tests.token_table import forged, head

SAMPLE = Path(__file__).parents[2] / "docs" / "samples" / "public-sandbox.yaml"
ENDPOINTS = ["/cds-services", f"/cds-services/{ORDER}", f"/cds-services/{CHART}",
             f"/cds-services/{CHART}/feedback"]  # fmt: skip
SANDBOX_TOKEN = (
    "eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCIsImtpZCI6IjQ0ODIzZjNkLTBiMDEtNGE2Yy1hODBlLWI5ZDNlOGE3MjI2"
    "ZiIsImprdSI6Imh0dHBzOi8vc2FuZGJveC5jZHMtaG9va3Mub3JnLy53ZWxsLWtub3duL2p3a3MuanNvbiJ9.eyJpc3Mi"
    "OiJodHRwczovL3NhbmRib3guY2RzLWhvb2tzLm9yZyIsImF1ZCI6Imh0dHA6Ly8xMjcuMC4wLjE6ODAwMC9jZHMtc2Vyd"
    "mljZXMiLCJleHAiOjE1OTQyMzA5MDAsImlhdCI6MTU5NDIzMDYwMCwianRpIjoiZWZiMzc3M2QtM2EyOC00M2UyLTlmYm"
    "MtYjkzNmE5YWUzODhiIn0.Cbey3n5NkDRoCLHZ2WMFc1z_RY8Rlq5oGxdAYfbrBPMiJXLCwjbYoU0av2CQj-Olhbnpe7V"
    "s8vzJ5oHP5gc2-0ooc5J49t4Uz9iYKpiM9KLUrqaJe0umc_klM2-ynHAI"
)
"""What the public CDS Hooks Sandbox sent on 2020-07-08 at 17:50 UTC, as somebody published it."""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(Settings.from_env(clients.production(tmp_path)))
    yield app
    edge_of(app).close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def ask(client: FlaskClient, path: str, token: str | None) -> Any:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    if path == "/cds-services":
        return client.get(path, headers=headers)
    feedback = {"card": "c", "outcome": "overridden", "outcomeTimestamp": "2026-11-21T12:00:00Z"}
    service = path.split("/")[2]
    body = {"feedback": [feedback]} if path.endswith("/feedback") else call(service)
    return client.post(path, json=body, headers=headers)


@pytest.mark.parametrize("path", ENDPOINTS)
def test_X_01_authentication_is_on_in_production(client: FlaskClient, path: str) -> None:
    assert ask(client, path, None).status_code == 401


@pytest.mark.parametrize("path", ENDPOINTS)
def test_X_02_B_08_every_call_brings_its_token(client: FlaskClient, path: str) -> None:
    for _ in range(2):
        assert ask(client, path, OWN.token(PUBLIC + path)).status_code in (200, 204)


@pytest.mark.parametrize("name", ["alg", "kid", "typ"])
def test_X_03_members_of_the_header_are_required(client: FlaskClient, name: str) -> None:
    claims = OWN.claims(DISCOVERY, datetime.now(UTC).timestamp())
    assert ask(client, "/cds-services", forged(head(), claims)).status_code == 200
    renewed = OWN.claims(DISCOVERY, datetime.now(UTC).timestamp())
    missing = forged(head(**{name: None}), renewed)
    assert ask(client, "/cds-services", missing).status_code == 401


def test_X_03_the_key_is_chosen_by_kid(tmp_path: Path) -> None:
    second = Signer(key_id="second", key=clients.made_key("P-384", 2))
    entry = clients.entry(tmp_path)
    clients.key_file(tmp_path, OWN, second, name="ehr.json")
    app = create_app(Settings.from_env(clients.production(tmp_path, entry)))
    for signer, expected in (
        (OWN, 200),
        (second, 200),
        (dataclasses.replace(OWN, key_id="second"), 401),
    ):
        assert ask(app.test_client(), "/cds-services", signer.token()).status_code == expected
    edge_of(app).close()


@pytest.mark.parametrize("name", ["iss", "aud", "exp", "iat", "jti"])
def test_X_04_claims_are_required_and_tenant_is_not(client: FlaskClient, name: str) -> None:
    assert ask(client, "/cds-services", OWN.token(tenant="any")).status_code == 200
    changes: dict[str, Any] = {name: None} if name != "aud" else {}
    token = OWN.token(None if name == "aud" else DISCOVERY, **changes)
    assert ask(client, "/cds-services", token).status_code == 401


@pytest.mark.parametrize("path", ENDPOINTS)
def test_X_05_the_audience_is_the_endpoint(client: FlaskClient, path: str) -> None:
    for audience in (PUBLIC, f"{PUBLIC}{path}/x", f"{PUBLIC}{path}?x=1", f"http://localhost{path}"):
        assert ask(client, path, OWN.token(audience)).status_code == 401
    assert ask(client, path, OWN.token([f"{PUBLIC}{path}"])).status_code in (200, 204)


@pytest.mark.parametrize("name", ["none", "None", "nOnE"])
def test_X_06_unsigned_tokens_are_refused(client: FlaskClient, name: str) -> None:
    claims = OWN.claims(DISCOVERY, datetime.now(UTC).timestamp())
    for token in (forged(head(alg=name), claims), forged(head(alg=name), claims) + "x"):
        assert ask(client, "/cds-services", token).status_code == 401
        assert ask(client, "/cds-services", token.rpartition(".")[0] + ".").status_code == 401


def test_X_07_symmetric_tokens_are_refused(client: FlaskClient) -> None:
    rows = [row for row in token_table.ROWS if row.name.startswith("HS")]
    assert len(rows) == 2
    for row in rows:
        token = (row.header(datetime.now(UTC).timestamp()) or "").removeprefix("Bearer ")
        assert ask(client, "/cds-services", token).status_code == 401


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_X_08_ES384_and_RS384_are_accepted_without_configuration(
    tmp_path: Path, algorithm: str
) -> None:
    key = clients.made_key(clients.KIND_OF[algorithm])
    signer = Signer(algorithm=algorithm, key=key)
    entry = clients.entry(tmp_path, signer)
    app = create_app(Settings.from_env(clients.production(tmp_path, entry)))
    assert ask(app.test_client(), "/cds-services", signer.token()).status_code == 200
    edge_of(app).close()


@pytest.fixture
def keys() -> Iterator[FaultServer]:
    with fault_server() as server:
        server.on("/jwks", answer({"keys": [OWN.jwk()]}))
        yield server


def fetching(folder: Path, url: str) -> Flask:
    """Production whose client publishes its keys; plain http is for this test only."""
    here = {"LM_CDS_PRIVATE_NETWORKS": "127.0.0.0/8"}
    settings = Settings.from_env(clients.production(folder, **here))
    client = dataclasses.replace(settings.clients[0], keys=url)
    changed = dataclasses.replace(settings, clients=(client,), private_networks=LOOPBACK)
    return create_app(changed)


def test_X_09_an_unknown_issuer_or_jku_is_refused_and_never_fetched(
    tmp_path: Path, keys: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = f"{keys.base}/jwks"
    monkeypatch.setattr("cds_service.clients.Client.keys_are_fetched", True)
    monkeypatch.setattr("cds_service.client_auth.file_keys", lambda _: ())
    app = fetching(tmp_path, pinned)
    evil = f"{keys.base}/evil"
    for signer, jku, expected in (
        (OWN, pinned, 200),
        (OWN, evil, 401),
        (Signer(issuer="https://evil.example"), evil, 401),
    ):
        token = signer.token(header={"jku": jku})
        assert ask(app.test_client(), "/cds-services", token).status_code == expected
    edge_of(app).close()
    assert keys.targets == ["/fhir/jwks"]


def test_X_10_keys_may_be_given_in_a_file_and_jku_left_out(client: FlaskClient) -> None:
    assert ask(client, "/cds-services", OWN.token()).status_code == 200


def test_X_11_new_keys_are_fetched_when_they_are_first_used(
    tmp_path: Path, keys: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.clients.Client.keys_are_fetched", True)
    monkeypatch.setattr("cds_service.key_sets.COOLDOWN_SECONDS", -1)
    app = fetching(tmp_path, f"{keys.base}/jwks")
    new = Signer(key_id="new", key=clients.made_key("P-384", 2))
    assert ask(app.test_client(), "/cds-services", OWN.token()).status_code == 200
    assert ask(app.test_client(), "/cds-services", new.token()).status_code == 401
    keys.on("/jwks", answer({"keys": [new.jwk()]}))
    assert ask(app.test_client(), "/cds-services", new.token()).status_code == 200
    assert ask(app.test_client(), "/cds-services", OWN.token()).status_code == 401
    edge_of(app).close()


def test_X_11_without_any_keys_calls_are_401_and_readiness_is_red(
    tmp_path: Path, keys: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.clients.Client.keys_are_fetched", True)
    monkeypatch.setattr("cds_service.key_sets.RETRY_SECONDS", -1)
    keys.on("/jwks", status(503))
    app = fetching(tmp_path, f"{keys.base}/jwks")
    client = app.test_client()
    assert ask(client, "/cds-services", OWN.token()).status_code == 401
    told = client.get("/readyz")
    assert (told.status_code, told.json["issue"][0]["code"]) == (503, "transient")
    keys.on("/jwks", answer({"keys": [OWN.jwk()]}))
    assert client.get("/readyz").status_code == 200
    assert ask(client, "/cds-services", OWN.token()).status_code == 200
    edge_of(app).close()


def test_X_12_a_token_seen_before_is_refused(client: FlaskClient) -> None:
    token = OWN.token()
    assert [ask(client, "/cds-services", token).status_code for _ in range(3)] == [200, 401, 401]


@pytest.mark.parametrize(("tenant", "expected"), [("north", 200), ("west", 401), (None, 401)])
def test_X_12_a_tenant_is_checked_where_tenants_are_listed(
    tmp_path: Path, tenant: str | None, expected: int
) -> None:
    entry = clients.entry(tmp_path, tenants=["north", "south"])
    app = create_app(Settings.from_env(clients.production(tmp_path, entry)))
    token = OWN.token(tenant=tenant)
    assert ask(app.test_client(), "/cds-services", token).status_code == expected
    edge_of(app).close()


def test_X_13_no_reason_is_given_and_no_token_is_kept(
    client: FlaskClient, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good, bad = OWN.token(), OWN.token(PUBLIC)
    assert ask(client, "/cds-services", good).status_code == 200
    refused, absent = ask(client, "/cds-services", bad), ask(client, "/cds-services", None)
    assert refused.data == absent.data
    (issue,) = refused.json["issue"]
    assert issue["code"] == "login"
    assert "diagnostics" not in issue
    printed = "".join(capfd.readouterr())
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("production.sqlite3*"))
    for token in (good, bad):
        for part in token.split("."):
            assert part not in printed
            assert part.encode() not in kept
    assert '"token":"audience"' in printed


def test_D_14_discovery_is_protected_by_its_own_url(client: FlaskClient) -> None:
    assert client.get("/cds-services").status_code == 401
    assert ask(client, "/cds-services", OWN.token(f"{DISCOVERY}/{ORDER}")).status_code == 401
    answered = ask(client, "/cds-services", OWN.token(DISCOVERY))
    assert {service["id"] for service in answered.json["services"]} == {CHART, ORDER}


def public_sandbox(tmp_path: Path, now: str, public: str) -> Flask:
    environ = {
        "LM_CDS_CONFIG_FILE": str(SAMPLE),
        "LM_CDS_DATABASE_URL": f"sqlite:///{tmp_path}/lm-cds.sqlite3",
        "LM_CDS_PUBLIC_URL": public,
        "LM_CDS_NOW": now,
    }
    return create_app(Settings.from_env(environ))


@pytest.mark.parametrize(
    ("now", "public", "expected"),
    [
        ("2020-07-08T17:52:00Z", "http://127.0.0.1:8000", 200),
        ("2020-07-08T17:52:00Z", "http://127.0.0.1:5000", 401),
        ("2020-07-08T17:58:00Z", "http://127.0.0.1:8000", 401),
    ],
)
def test_a_token_of_the_public_sandbox_is_accepted_in_its_time_and_at_its_place(
    tmp_path: Path, now: str, public: str, expected: int
) -> None:
    app = public_sandbox(tmp_path, now, public)
    assert ask(app.test_client(), "/cds-services", SANDBOX_TOKEN).status_code == expected
    edge_of(app).close()


def test_workers_and_restarts_share_the_tokens_that_were_used(tmp_path: Path) -> None:
    environ = clients.production(tmp_path)
    tokens = [f"Bearer {OWN.token()}" for _ in range(20)]
    copies = 6
    together = threading.Barrier(copies)

    def send(_: int) -> list[int]:
        found = []
        for token in tokens:
            together.wait(60)
            found.append(authenticated.ask(port, "/cds-services", token)[0])
        return found

    with authenticated.service(environ, workers=2) as port, ThreadPoolExecutor(copies) as threads:
        statuses = list(threads.map(send, range(copies)))
    assert [sorted(column) for column in zip(*statuses, strict=True)] == [
        [200, *[401] * (copies - 1)]
    ] * len(tokens)
    with authenticated.service(environ) as port:
        assert authenticated.ask(port, "/cds-services", tokens[0])[0] == 401
        answered = authenticated.ask(port, "/cds-services", f"Bearer {OWN.token()}")
        assert len(json.loads(answered[1])["services"]) == 2


def test_X_15_a_browser_asks_beforehand_without_a_token_and_reads_the_refusal(
    tmp_path: Path,
) -> None:
    app = public_sandbox(tmp_path, "2026-11-21T12:00:00Z", "http://127.0.0.1:5000")
    origin = {"Origin": "https://sandbox.cds-hooks.org"}
    asked = origin | {"Access-Control-Request-Method": "POST"}
    client = app.test_client()
    assert client.options(f"/cds-services/{ORDER}", headers=asked).status_code == 200
    refused = client.get("/cds-services", headers=origin)
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == origin["Origin"]
    edge_of(app).close()
