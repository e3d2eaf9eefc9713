"""Hostile bodies: never a 5xx, never a broken answer, never silence about an order.

A part of the corpus in this process; `make drill PARTS=hostile` replays all of it over HTTP.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service.draft_orders import MOST_ENTRIES
from tests import deck
from tests.hostile import corpus
from tests.hostile.corpus import ORDER, Hostile, all_of_it

KINDS = 12
EVERY = 83


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def chosen() -> list[Hostile]:
    return list(all_of_it(EVERY))


def test_the_corpus_holds_every_class(chosen: list[Hostile]) -> None:
    assert len({each.kind for each in chosen}) == KINDS
    assert len({(each.kind, each.service, each.name) for each in chosen}) == len(chosen) > 600


def test_no_body_breaks_the_service(client: FlaskClient, chosen: list[Hostile]) -> None:
    bad = []
    for each in chosen:
        path = f"/cds-services/{each.service}"
        answer = client.post(path, data=each.body, content_type=each.content_type)
        silent = each.watched and each.service == ORDER and not answer.json.get("cards")
        if answer.status_code >= 500 or silent:
            bad.append((each, answer.status_code))
    assert bad == []


def test_a_sound_body_of_the_corpus_is_answered(client: FlaskClient, tmp_path: Path) -> None:
    for service, status in ((ORDER, 200), (corpus.CHART, 200), (corpus.FEEDBACK, 204)):
        body = corpus.text(corpus.sound(service))
        assert client.post(f"/cds-services/{service}", data=body).status_code == status


@pytest.mark.parametrize("own_id", ["www.evil.example", "x-WWW.evil.example"])
def test_an_id_that_renderers_would_link_is_not_printed(client: FlaskClient, own_id: str) -> None:
    body = corpus.sound(ORDER)
    body["context"]["draftOrders"]["entry"][0]["resource"]["id"] = own_id
    cards = client.post(f"/cds-services/{ORDER}", json=body).json["cards"]
    told = [card["detail"] for card in cards]
    assert not any(own_id in text for text in told)
    assert any("draft order 1" in text for text in told)


def test_entries_beyond_the_limit_are_one_order_that_could_not_be_read(
    client: FlaskClient,
) -> None:
    body = corpus.sound(ORDER)
    other = {"resource": {"resourceType": "ServiceRequest", "status": "draft"}}
    for count, silent in ((MOST_ENTRIES, True), (MOST_ENTRIES + 1, False)):
        body["context"]["draftOrders"]["entry"] = [other] * count
        cards = client.post(f"/cds-services/{ORDER}", json=body).json["cards"]
        assert (cards == []) is silent


@pytest.mark.parametrize("kind", ["../Patient", "methotrexate", "X" * 65, "", None, 7])
def test_a_draft_whose_type_is_none_may_hide_an_order(client: FlaskClient, kind: object) -> None:
    body = corpus.sound(ORDER)
    body["context"]["draftOrders"]["entry"][0]["resource"]["resourceType"] = kind
    cards = client.post(f"/cds-services/{ORDER}", json=body).json["cards"]
    topics = [card["source"]["topic"]["code"] for card in cards]
    assert "mtx-not-verifiable" in topics
