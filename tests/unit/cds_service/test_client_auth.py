"""Who is let in: the table of tokens, one answer for every refusal, replay, and what clients may.

Trust section 1.2 of the specification.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from cds_service import client_auth, create_app, edge, gather
from cds_service.client_token import Refusal
from cds_service.clients import Client
from cds_service.config import SettingError, Settings
from cds_service.edge import edge_of
from cds_service.errors import StoreUnavailable
from cds_service.used_tokens import UsedTokens
from tests import clients, token_table
from tests.clients import DISCOVERY, OWN, PUBLIC, Signer
from tests.contract.calls import AUTHORIZATION, CHART, ORDER, call, unknowns
from tests.fault_server import fault_server
from tests.unit.cds_service.test_gather import call as hook_call
from tests.unit.cds_service.test_gather import settings as plain_settings

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
AT = NOW.timestamp()


def configured(folder: Path, *entries: dict[str, Any], now: datetime = NOW) -> Settings:
    """Production with these clients and a fixed clock, which only a test can have."""
    settings = Settings.from_env(clients.production(folder, *entries))
    return dataclasses.replace(settings, now=now)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("tokens")
    app = create_app(configured(folder, *token_table.entries(folder)))
    yield app
    edge_of(app).close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def ask(client: FlaskClient, header: str | None, path: str = "/cds-services") -> Any:
    headers = {} if header is None else {"Authorization": header}
    if path == "/cds-services":
        return client.get(path, headers=headers)
    body = {"feedback": []} if path.endswith("/feedback") else call(path.rpartition("/")[2])
    return client.post(path, json=body, headers=headers)


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("row", token_table.ROWS, ids=lambda row: row.name)
def test_the_table_of_tokens(
    client: FlaskClient, row: token_table.Row, capsys: pytest.CaptureFixture[str]
) -> None:
    header = row.header(AT)
    if row.twice:
        assert ask(client, header).status_code == 200
    answer = ask(client, header)
    lines = logged(capsys)
    if row.reason is None:
        assert (answer.status_code, lines) == (200, [])
        return
    assert answer.status_code == 401
    assert (lines[-1]["error"], lines[-1]["token"]) == ("Unauthenticated", row.reason)
    assert (
        header is None
        or header.rpartition(" ")[2].strip() not in json.dumps(lines)
        or (len(header) < 20)
    )


def test_the_table_is_long_enough_and_gives_every_reason() -> None:
    assert len(token_table.ROWS) >= 40
    names = [row.name for row in token_table.ROWS]
    assert len(set(names)) == len(names)
    assert {row.reason for row in token_table.ROWS if row.reason} == {r.value for r in Refusal}


def test_every_refusal_is_the_same_answer(client: FlaskClient) -> None:
    paths = ("/cds-services", f"/cds-services/{ORDER}", f"/cds-services/{CHART}/feedback")
    refused = [row for row in token_table.ROWS if row.reason not in (None, "replayed")]
    answers = [
        (answer.status_code, answer.data, tuple(sorted(answer.headers.items())))
        for row in refused
        for path in paths
        if (answer := ask(client, row.header(AT), path)).status_code == 401
    ]
    # One row names another endpoint, for which it is good.
    assert len(answers) >= len(refused) * len(paths) - 2
    assert len(set(answers)) == 1
    assert dict(answers[0][2])["WWW-Authenticate"] == "Bearer"


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= "


@given(st.data())
def test_no_change_of_a_token_is_accepted(app: Flask, data: st.DataObject) -> None:
    token = OWN.token(DISCOVERY, AT)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from([each for each in ALPHABET if each != token[place]]))
    kept, rest = token[:place], token[place + 1 :]
    changed = data.draw(st.sampled_from([kept + other + rest, kept + rest, kept + other]))
    if changed.strip() != token:
        assert ask(app.test_client(), f"Bearer {changed}").status_code == 401


@given(st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")))
def test_no_other_header_is_accepted_or_a_fault(app: Flask, header: str) -> None:
    for text in (header, f"Bearer {header}", f"Bearer {header}.{header}.{header}"):
        assert ask(app.test_client(), text).status_code == 401


BOUNDARIES = [
    ({"iat": AT - 100, "exp": AT - 60}, "expired"),
    ({"iat": AT - 100, "exp": AT - 59}, None),
    ({"iat": AT + 60, "exp": AT + 90}, None),
    ({"iat": AT + 61, "exp": AT + 90}, "not-yet"),
    ({"nbf": AT + 60}, None),
    ({"nbf": AT + 61}, "not-yet"),
    ({"iat": AT, "exp": AT + 3600}, None),
    ({"iat": AT, "exp": AT + 3601}, "lifetime"),
    ({"iat": AT - 3600, "exp": AT + 1}, "lifetime"),
]


@pytest.mark.parametrize(("claims", "reason"), BOUNDARIES)
def test_boundaries_in_time(
    client: FlaskClient,
    claims: dict[str, float],
    reason: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer = ask(client, "Bearer " + OWN.token(DISCOVERY, AT, **claims))
    assert (answer.status_code == 200) is (reason is None)
    assert [line.get("token") for line in logged(capsys)] == [reason] * bool(reason)


def test_a_token_of_8_kib_is_read_and_one_byte_more_is_not(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    for length, reason in ((8192, "malformed"), (8193, "too-large")):
        ask(client, "Bearer ".ljust(length, "x"))
        assert logged(capsys)[-1]["token"] == reason


def test_what_is_open_needs_no_token(client: FlaskClient) -> None:
    for path in ("/livez", "/catalogue", "/catalogue.json", "/recommendations/suspected-lm", "/"):
        assert client.get(path).status_code == 200


def test_an_unknown_service_is_401_without_a_token_and_404_with_one(client: FlaskClient) -> None:
    path = "/cds-services/nobody"
    assert client.post(path, json={}).status_code == 401
    token = OWN.token(PUBLIC + path, AT)
    headers = {"Authorization": f"Bearer {token}"}
    assert client.post(path, json={}, headers=headers).status_code == 404


def test_the_host_header_decides_nothing(client: FlaskClient) -> None:
    token = OWN.token("https://evil.example/cds-services", AT)
    headers = {"Authorization": f"Bearer {token}", "Host": "evil.example"}
    answer = client.get("/cds-services", headers=headers, base_url="https://evil.example")
    assert answer.status_code == 401


@pytest.mark.parametrize("audience", [CHART, f"{CHART}/feedback"])
def test_feedback_takes_the_audience_of_the_service_too(client: FlaskClient, audience: str) -> None:
    token = OWN.token(f"{DISCOVERY}/{audience}", AT)
    body = {"feedback": [given_feedback("0b5b0f3e-7b4d-4a57-9df5-1c22c3e7d1aa")]}
    path = f"/cds-services/{CHART}/feedback"
    answer = client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 204


def test_a_hook_call_does_not_take_the_audience_of_feedback(client: FlaskClient) -> None:
    token = OWN.token(f"{DISCOVERY}/{ORDER}/feedback", AT)
    assert ask(client, f"Bearer {token}", f"/cds-services/{ORDER}").status_code == 401


def given_feedback(card: str) -> dict[str, Any]:
    return {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-21T11:59:00Z"}


# What a client may do -----------------------------------------------------------------------------

A = Signer(issuer="https://a.example")
B = Signer(issuer="https://b.example")


def test_a_service_of_others_is_404_and_not_in_discovery(tmp_path: Path) -> None:
    app = create_app(configured(tmp_path, clients.entry(tmp_path, services=[ORDER])))
    for path, status in ((CHART, 404), (f"{CHART}/feedback", 404), (ORDER, 200)):
        token = OWN.token(f"{DISCOVERY}/{path}", AT)
        answer = ask(app.test_client(), f"Bearer {token}", f"/cds-services/{path}")
        assert answer.status_code == status
    found = ask(app.test_client(), f"Bearer {OWN.token(DISCOVERY, AT)}").json["services"]
    assert [service["id"] for service in found] == [ORDER]
    edge_of(app).close()


SERVERS = [f"https://fhir-{letter}.example/r4" for letter in "abcd"]


@given(
    st.lists(st.sets(st.sampled_from(SERVERS)), min_size=2, max_size=4),
    st.integers(0, 3),
    st.sampled_from(SERVERS),
)
def test_only_the_servers_of_the_client_are_contacted(
    owned: list[set[str]], who: int, asked: str
) -> None:
    """Whatever belongs to whom: a server is asked only where it is the caller's own."""
    everyone = [
        Client(name=f"c{i}", issuer="i", keys="k", fhir_servers=tuple(sorted(servers)))
        for i, servers in enumerate(owned)
    ]
    client = everyone[who % len(everyone)]
    base, why_not = gather._base(
        hook_call(fhir_server=asked, queries_allowed=True, why_not=None, client=client),
        dataclasses.replace(plain_settings(), profile="production", fhir_servers=tuple(SERVERS)),
    )
    assert base == (asked if asked in (client.fhir_servers or ()) else None)
    assert base is not None or why_not == "not-allowed"


def test_the_server_of_another_client_is_named_and_never_asked(tmp_path: Path) -> None:
    with fault_server() as server:
        theirs = clients.entry(tmp_path, B, "b", fhir_servers=["https://other.example/r4"])
        ours = clients.entry(tmp_path, A, "a", fhir_servers=["https://own.example/r4"])
        settings = configured(tmp_path, ours, theirs)
        moved = tuple(
            dataclasses.replace(each, fhir_servers=(server.base,)) if each.name == "b" else each
            for each in settings.clients
        )
        # Plain http is for this test only: the profile that allows it takes any local server.
        app = create_app(dataclasses.replace(settings, clients=moved))
        token = A.token(f"{DISCOVERY}/{ORDER}", AT)
        body = call(ORDER, prefetch=None, fhirServer=server.base, fhirAuthorization=AUTHORIZATION)
        headers = {"Authorization": f"Bearer {token}"}
        answer = app.test_client().post(f"/cds-services/{ORDER}", json=body, headers=headers)
        edge_of(app).close()
    assert answer.status_code == 200
    assert {reason for _, reason in unknowns(answer)} == {"not-allowed"}
    assert server.requests == []


@pytest.mark.parametrize(("own", "expected"), [(None, 1500), (321, 321)])
def test_a_client_has_its_own_deadline(
    tmp_path: Path, own: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    after = edge.Deadline.after
    monkeypatch.setattr(edge.Deadline, "after", lambda at, ms: (asked.append(ms), after(at, ms))[1])
    changes = {} if own is None else {"deadline_ms": own}
    app = create_app(configured(tmp_path, clients.entry(tmp_path, **changes)))
    token = OWN.token(f"{DISCOVERY}/{ORDER}", AT)
    ask(app.test_client(), f"Bearer {token}", f"/cds-services/{ORDER}")
    edge_of(app).close()
    assert asked == [expected]


def cards_of(client: FlaskClient, signer: Signer, body: dict[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {signer.token(f'{DISCOVERY}/{CHART}', AT)}"}
    answer = client.post(f"/cds-services/{CHART}", json=body, headers=headers)
    assert answer.status_code == 200
    return answer.json["cards"]


def dismiss(client: FlaskClient, signer: Signer, card: str) -> Any:
    path = f"/cds-services/{CHART}/feedback"
    headers = {"Authorization": f"Bearer {signer.token(PUBLIC + path, AT)}"}
    return client.post(path, json={"feedback": [given_feedback(card)]}, headers=headers)


def test_feedback_of_one_client_neither_dismisses_nor_reveals_the_cards_of_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [clients.entry(tmp_path, A, "a"), clients.entry(tmp_path, B, "b")]
    app = create_app(configured(tmp_path, *both))
    client, body = app.test_client(), call(CHART)
    shown = len(cards_of(client, A, body))
    assert shown > 0
    card = cards_of(client, A, body)[0]["uuid"]
    foreign, unknown = dismiss(client, B, card), dismiss(client, B, "no-such-card")
    assert (foreign.status_code, foreign.data) == (unknown.status_code, unknown.data) == (204, b"")
    assert len(cards_of(client, A, body)) == shown
    assert dismiss(client, A, card).status_code == 204
    assert len(cards_of(client, A, body)) < shown
    assert len(cards_of(client, B, body)) == shown
    told = [row for row in edge_of(app).store.feedback() if row["card"] == card]
    assert {(row["client"], row["known"]) for row in told} == {("b", False), ("a", True)}
    lines = [line for line in logged(capsys) if line["event"] == "hook-answered"]
    assert {line["client"] for line in lines} == {"a", "b"}
    edge_of(app).close()


# Used tokens --------------------------------------------------------------------------------------


def test_a_token_counts_once_over_workers_and_restarts(tmp_path: Path) -> None:
    settings = configured(tmp_path)
    one, other = create_app(settings), create_app(settings)
    token = f"Bearer {OWN.token(DISCOVERY, AT)}"
    assert ask(one.test_client(), token).status_code == 200
    assert ask(other.test_client(), token).status_code == 401
    edge_of(one).close()
    again = create_app(settings)
    assert ask(again.test_client(), token).status_code == 401
    for each in (other, again):
        edge_of(each).close()


def test_the_same_jti_of_two_issuers_is_no_replay(tmp_path: Path) -> None:
    both = [clients.entry(tmp_path, A, "a"), clients.entry(tmp_path, B, "b")]
    app = create_app(configured(tmp_path, *both))
    for signer, status in ((A, 200), (B, 200), (A, 401), (B, 401)):
        token = signer.token(DISCOVERY, AT, jti="same")
        assert ask(app.test_client(), f"Bearer {token}").status_code == status
    edge_of(app).close()


@pytest.fixture
def storeless(tmp_path: Path) -> Iterator[Flask]:
    """Production whose store cannot be used."""
    (tmp_path / "file").write_text("")
    settings = configured(tmp_path)
    url = f"sqlite:///{tmp_path}/file/below/lm-cds.sqlite3"
    app = create_app(dataclasses.replace(settings, database_url=url))
    yield app
    edge_of(app).close()


def test_without_the_store_orders_are_checked_and_nothing_else_is_answered(
    storeless: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    client = storeless.test_client()
    for path, status in ((CHART, 503), (f"{CHART}/feedback", 503), (f"{ORDER}/feedback", 503),
                         (ORDER, 200), ("", 503)):  # fmt: skip
        whole = f"/cds-services/{path}".rstrip("/")
        answer = ask(client, f"Bearer {OWN.token(PUBLIC + whole, AT)}", whole)
        assert answer.status_code == status, path
        if status == 503:
            assert answer.json["issue"][0]["details"]["text"].startswith("Callers cannot be")
    assert client.get("/readyz").status_code == 503
    events = [line["event"] for line in logged(capsys)]
    assert "store-failed" in events


def test_without_the_store_a_worker_remembers_the_tokens_of_orders(storeless: Flask) -> None:
    client, path = storeless.test_client(), f"/cds-services/{ORDER}"
    token = f"Bearer {OWN.token(PUBLIC + path, AT)}"
    assert [ask(client, token, path).status_code for _ in range(3)] == [200, 401, 401]


def test_without_the_store_a_refused_token_may_come_again(storeless: Flask) -> None:
    token = f"Bearer {OWN.token(DISCOVERY, AT)}"
    client = storeless.test_client()
    assert [ask(client, token).status_code for _ in range(2)] == [503, 503]


def test_the_memory_of_a_worker_is_bounded_and_forgets_what_has_expired() -> None:
    class Gone:
        def take_token(self, *_: Any) -> bool:
            raise StoreUnavailable

    class Silent:
        def store_failed(self, _: BaseException) -> None:
            pass

    used = UsedTokens(Gone(), Silent(), most=3)  # type: ignore[arg-type]

    def take(name: str, expires: float, now: datetime = NOW) -> bool:
        return used.take("i", name, expires, now, essential=True)

    assert [take(name, AT + 10) for name in ("a", "b", "c", "a")] == [True, True, True, False]
    assert take("d", AT + 10)
    assert len(used._seen) == 3
    assert take("e", AT + 99, NOW + timedelta(seconds=11))
    assert len(used._seen) == 1


# The start ----------------------------------------------------------------------------------------


def test_production_does_not_start_without_clients(tmp_path: Path) -> None:
    environ = clients.production(tmp_path)
    del environ["LM_CDS_CONFIG_FILE"]
    with pytest.raises(SettingError, match="LM_CDS_CONFIG_FILE: production needs at least one"):
        create_app(Settings.from_env(environ))


@pytest.mark.parametrize("profile", ["production", "sandbox"])
def test_clients_need_a_public_url(tmp_path: Path, profile: str) -> None:
    environ = clients.production(tmp_path) | {"LM_CDS_PROFILE": profile}
    del environ["LM_CDS_PUBLIC_URL"]
    with pytest.raises(SettingError, match="LM_CDS_PUBLIC_URL: clients must name it"):
        client_auth.required(Settings.from_env(environ))


@pytest.mark.parametrize("content", [None, "{", "{}", '{"keys": []}', '{"keys": [{"kty": "oct"}]}'])
def test_a_key_file_without_usable_keys_stops_the_start(
    tmp_path: Path, content: str | None
) -> None:
    settings = configured(tmp_path)
    (tmp_path / "ehr.json").unlink()
    if content is not None:
        (tmp_path / "ehr.json").write_text(content)
    with pytest.raises(SettingError, match="client ehr, keys: no public key for signatures"):
        client_auth.required(settings)


def test_the_sandbox_without_clients_is_open_and_with_clients_is_not(tmp_path: Path) -> None:
    environ = {
        "LM_CDS_PROFILE": "sandbox",
        "LM_CDS_DATABASE_URL": f"sqlite:///{tmp_path}/sandbox.sqlite3",
    }
    closed = clients.production(tmp_path) | environ
    for given_environ, status in ((environ, 200), (closed, 401)):
        app = create_app(Settings.from_env(given_environ))
        assert ask(app.test_client(), None).status_code == status
        edge_of(app).close()


def test_every_reason_is_explained_to_operators() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "clients.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in guide.splitlines() if line.startswith("| `")]
    assert [reason.value for reason in Refusal if f"`{reason.value}`" not in " ".join(rows)] == []
