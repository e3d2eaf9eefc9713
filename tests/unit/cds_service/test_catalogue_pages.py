"""The catalogue over HTTP: pages, JSON, headers, and what cards link to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service import catalogue, create_app
from cds_service.config import Settings
from cds_service.edge import edge_of
from cds_service.sign_off import NOT_SIGNED_OFF
from hooks import CONTENT_VERSION, SERVICES
from tests import clients
from tests.contract.calls import ORDER, call

NAMES = [name for service in SERVICES.values() for name in service.catalogue.recommendations]
PATHS = ["/catalogue", "/catalogue.json", "/recommendations/suspected-lm"]


@pytest.fixture
def production(tmp_path: Path) -> Iterator[FlaskClient]:
    yield from production_client(tmp_path)


def production_client(folder: Path, **changes: str) -> Iterator[FlaskClient]:
    environ = clients.production(folder) | changes
    app = create_app(Settings.from_env(environ))
    yield clients.calling(app, public=environ["LM_CDS_PUBLIC_URL"])
    edge_of(app).close()


def text(answer: TestResponse) -> str:
    """What a reader sees of a page."""
    assert answer.status_code == 200
    body = re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True))
    return " ".join(unescape(body).split())


@pytest.mark.parametrize("name", NAMES)
def test_a_page_shows_its_recommendation_in_full(client: FlaskClient, name: str) -> None:
    told = text(client.get(f"/recommendations/{name}"))
    entry = next(e for e in catalogue.document(None)["recommendations"] if e["id"] == name)
    expected = [entry["title"], entry["question"], entry["explanation"], entry["lastChecked"]]
    expected += [v[part] for v in entry["variants"] for part in ("indicator", "summary", "why")]
    expected += [given["question"] for given in entry["inputs"]]
    expected += [f"{w['name']} {w['shown']} {w['meaning']}" for w in entry["windows"]]
    expected += [source["citation"] for source in entry["sources"]]
    expected += entry["evidenceNotes"] + [entry["limits"] or "", entry["sourcesDisagree"] or ""]
    expected += [NOT_SIGNED_OFF, CONTENT_VERSION]
    assert [part for part in expected if " ".join(part.split()) not in told] == []
    assert not re.search(r"\{|None|\bnull\b", told)


def test_the_overview_links_every_page_and_tells_every_statement(client: FlaskClient) -> None:
    page = client.get("/catalogue").get_data(as_text=True)
    assert {f'href="recommendations/{name}"' for name in NAMES} <= set(
        re.findall(r'href="[^"]+"', page)
    )
    told = text(client.get("/catalogue"))
    assert NOT_SIGNED_OFF in told
    assert told.count("not signed off") == len(NAMES)
    assert all(f"S{number} " in told for number in range(1, 48))
    assert "No rule. Outcomes of groups" in told


def test_the_json_says_the_same(client: FlaskClient) -> None:
    found: Any = client.get("/catalogue.json").json
    assert [entry["id"] for entry in found["recommendations"]] == NAMES
    assert all(entry["signOff"] == NOT_SIGNED_OFF for entry in found["recommendations"])
    assert found["signOff"] == {"signedOff": False, "text": NOT_SIGNED_OFF}
    assert found["contentVersion"] == CONTENT_VERSION
    for entry in found["recommendations"]:
        assert client.get(f"/{entry['page']}").status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_production_serves_it_and_names_who_signed_off(production: FlaskClient, path: str) -> None:
    told = production.get(path).get_data(as_text=True)
    assert "Signed off by Test Person (neuro-oncologist) on 2026-11-21." in told
    assert NOT_SIGNED_OFF not in told


def test_production_serves_the_style_sheet(production: FlaskClient) -> None:
    with production.get("/catalogue/static/catalogue.css") as answer:
        assert (answer.status_code, answer.mimetype) == (200, "text/css")


@pytest.mark.parametrize("path", PATHS)
def test_pages_may_be_kept_and_run_nothing(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert not re.search(r"<script|\sstyle=|\son\w+=", answer.get_data(as_text=True))


@pytest.mark.parametrize("path", ["nobody", "lm-guidance", "data-incomplete", "S1"])
def test_an_unknown_recommendation_is_404(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/recommendations/{path}")
    assert (answer.status_code, answer.json["resourceType"]) == (404, "OperationOutcome")
    assert path.encode() not in answer.data


def test_links_inside_stay_below_a_path_prefix(client: FlaskClient) -> None:
    for path in ("/catalogue", "/recommendations/suspected-lm"):
        found = re.findall(r'(?:href|src)="([^"]+)"', client.get(path).get_data(as_text=True))
        assert found
        assert [link for link in found if link.startswith("/")] == []


def links(client: FlaskClient, host: str) -> list[tuple[str, str | None]]:
    """(topic, source.url) of the cards of one call to this host."""
    path = f"/cds-services/{ORDER}"
    answer = client.post(path, json=call(ORDER), base_url=f"http://{host}")
    sources = [card["source"] for card in answer.json["cards"]]
    return [(source["topic"]["code"], source.get("url")) for source in sources]


def test_cards_of_the_sandbox_link_to_the_host_that_was_called(client: FlaskClient) -> None:
    found = links(client, "127.0.0.1:5000")
    assert ("mtx-allergy", "http://127.0.0.1:5000/recommendations/mtx-allergy") in found
    assert ("lm-guidance", "http://127.0.0.1:5000/catalogue") in found


def test_cards_of_production_link_to_the_public_url_only(tmp_path: Path) -> None:
    public = "https://gateway.example/lm"
    for client in production_client(tmp_path, LM_CDS_PUBLIC_URL=public):
        found = links(client, "evil.example")
        assert ("mtx-allergy", f"{public}/recommendations/mtx-allergy") in found
        assert all(url and url.startswith(f"{public}/") for _, url in found)


def test_a_merged_card_and_missing_data_lead_to_the_catalogue() -> None:
    base = "https://cds.example/"
    for topic in ("lm-guidance", "data-incomplete"):
        assert catalogue.page_url(base, topic) == "https://cds.example/catalogue"
    assert catalogue.page_url(base, "mtx-shunt") == "https://cds.example/recommendations/mtx-shunt"
