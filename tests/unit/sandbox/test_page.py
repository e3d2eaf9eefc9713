"""The start page: what a visitor without JavaScript can see and do."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from flask.testing import FlaskClient

import fhir_fixtures
from cds_service.app import create_app
from cds_service.config import Settings
from cds_service.edge import edge_of
from tests import clients

VIEW = "/?story=breast-diplopia-and-headache&service=lm-patient-view"
SIGN = "/?story=seven-items-at-once&service=lm-order-sign"
VOID = {"meta", "link", "input", "br", "img", "hr"}


class Checked(HTMLParser):
    """Collects what a page loads and whether its tags are nested properly."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(client: FlaskClient, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def request_text(html: str) -> Any:
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", html, re.S)
    assert found
    return orjson.loads(unescape(found[1]))


@pytest.mark.parametrize(
    "url",
    ["/", VIEW, SIGN, f"{VIEW}&data=server", "/?story=lymphoma-facial-palsy&service=lm-order-sign"],
)
def test_pages_are_sound_html_without_scripts(client: FlaskClient, url: str) -> None:
    answer = client.get(url)
    html = answer.get_data(as_text=True)
    checked = Checked()
    checked.feed(html)
    assert checked.open == []
    assert len(checked.ids) == len(set(checked.ids))
    assert "<script" not in html
    assert not [name for _, name, _ in checked.attributes if name.startswith("on")]
    assert not [name for _, name, _ in checked.attributes if name == "style"]
    labelled = {value for _, name, value in checked.attributes if name == "for"}
    assert labelled <= set(checked.ids)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "Sandbox: test data, not for clinical use" in html


def test_everything_the_page_links_to_exists(client: FlaskClient) -> None:
    checked = Checked()
    checked.feed(page(client, "/"))
    local = {v for _, n, v in checked.attributes if n in ("href", "src") and v.startswith("/")}
    assert len(local) > len(fhir_fixtures.stories())
    for url in local:
        with client.get(url) as answer:
            assert answer.status_code == 200


def test_overview_lists_every_story(client: FlaskClient) -> None:
    html = unescape(page(client, "/"))
    for story in fhir_fixtures.stories():
        assert story.who in html
        assert story.shows in html


def test_a_story_shows_request_cards_and_explanation(client: FlaskClient) -> None:
    html = page(client, VIEW)
    request = request_text(html)
    assert request["context"]["patientId"] == "breast-diplopia-and-headache"
    assert request["prefetch"]["conditions"]["total"] == 4
    answer = client.post("/cds-services/lm-patient-view", json=request).json
    for card in answer["cards"]:
        assert card["summary"] in unescape(html)
        assert f'class="card {card["indicator"]}"' in html
    assert 'class="applies' in html


def test_data_may_be_left_to_the_fhir_server(client: FlaskClient) -> None:
    request = request_text(page(client, f"{VIEW}&data=server"))
    assert "prefetch" not in request
    assert request["fhirServer"] == "http://localhost/fhir"


def test_charts_are_dated_relative_to_today(client: FlaskClient) -> None:
    request = request_text(page(client, VIEW))
    onsets = [
        entry["resource"].get("onsetDateTime")
        for entry in request["prefetch"]["conditions"]["entry"]
    ]
    assert "2026-11-11" in onsets


def test_story_without_orders_says_so(client: FlaskClient) -> None:
    html = page(client, "/?story=lymphoma-facial-palsy&service=lm-order-sign")
    assert "no unsigned orders" in html


def test_an_edited_request_is_sent_as_it_is(client: FlaskClient) -> None:
    request = request_text(page(client, SIGN))
    request["context"]["draftOrders"]["entry"] = []
    form = {"service": "lm-order-sign", "request": orjson.dumps(request).decode()}
    html = client.post("/", data=form).get_data(as_text=True)
    assert "No card." in html


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"hook": "order-sign"}', "<b>&"])
def test_a_refused_request_shows_the_reason(client: FlaskClient, text: str) -> None:
    answer = client.post("/", data={"service": "lm-patient-view", "request": text})
    html = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "The service refused this request." in html
    assert "HTTP 400" in html
    assert "<b>" not in html


@pytest.mark.parametrize(
    "query", ["?story=nobody&service=lm-patient-view", "?service=x", "?story=a"]
)
def test_unknown_choices_lead_to_the_overview(client: FlaskClient, query: str) -> None:
    assert "Test patients" in page(client, f"/{query}")
    assert client.post("/", data={"service": "nobody"}).status_code == 200


def card_form(html: str) -> dict[str, str]:
    form = re.search(r'<form class="dismiss".*?</form>', html, re.S)
    assert form
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0]))


def test_a_dismissed_card_stays_away(client: FlaskClient) -> None:
    html = page(client, VIEW)
    answer = client.post("/sandbox/feedback", data=card_form(html) | {"reason": ""})
    assert answer.status_code == 303
    location = urlsplit(answer.headers["Location"])
    assert parse_qs(location.query)["feedback"] == ["taken"]
    assert "No card." in page(client, answer.headers["Location"])


def test_an_accepted_suggestion_is_taken(client: FlaskClient) -> None:
    html = page(client, VIEW)
    found = re.search(r'name="suggestion" value="([^"]+)"', html)
    assert found
    answer = client.post("/sandbox/feedback", data=card_form(html) | {"suggestion": found[1]})
    assert "feedback=taken" in answer.headers["Location"]


def test_feedback_for_nothing_is_refused(client: FlaskClient) -> None:
    answer = client.post("/sandbox/feedback", data={"service": "lm-patient-view", "reason": "x|y"})
    assert "feedback=refused" in answer.headers["Location"]
    assert client.post("/sandbox/feedback", data={"service": "x"}).headers["Location"] == "/"


@pytest.mark.parametrize(
    "path", ["/fhir/metadata", "/sandbox/explain/lm-patient-view", "/sandbox/feedback"]
)
def test_nothing_of_the_sandbox_exists_in_production(tmp_path: Path, path: str) -> None:
    app = create_app(Settings.from_env(clients.production(tmp_path)))
    client = app.test_client()
    assert client.get(path).status_code == 404
    assert client.post(path, json={}).status_code == 404
    assert client.get("/").mimetype == "application/json"
    edge_of(app).close()


def test_a_large_request_can_be_sent(client: FlaskClient) -> None:
    request = request_text(page(client, VIEW)) | {"extension": {"note": "x" * 600_000}}
    form = {"service": "lm-patient-view", "request": orjson.dumps(request).decode()}
    assert "Cards" in client.post("/", data=form).get_data(as_text=True)


def test_what_is_missing_stands_on_the_line_of_its_recommendation(client: FlaskClient) -> None:
    url = "/?story=lumbar-first-dose-nothing-documented&service=lm-order-sign"
    summaries = re.findall(r"<summary>(.*?)</summary>", page(client, url), re.S)
    shown = next(line for line in summaries if "mtx-csf-flow" in line)
    assert "missing: CSF flow study" in shown
    assert "draft-1" not in shown


def test_several_orders_are_told_apart(client: FlaskClient) -> None:
    url = "/?story=leukaemia-child-same-day&service=lm-order-sign"
    summaries = re.findall(r"<summary>(.*?)</summary>", page(client, url), re.S)
    same_day = [line for line in summaries if "vinca-same-day" in line]
    assert [f"draft-{number}" in line for number, line in enumerate(same_day, 1)] == [True, True]
