"""Chart open without one of its queries: what could not be read is said, or refused with 412."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests import deck
from tests.charts.build import chart
from tests.charts.request import request
from tests.charts.search import needs
from tests.charts.vocabulary import JsonObject

OPENED = needs("patient-view")
SUSPECTED = next(
    case for case in deck.own_cases() if case.name == "suspicion: diplopia in breast cancer"
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("open"))


def opened(client: FlaskClient, facts: JsonObject, key: str) -> tuple[int, JsonObject]:
    """Status and body at chart open when one key can neither be prefetched nor asked."""
    body = request(chart(facts), "patient-view", "prefetch", leave_out=frozenset({key}))
    answer = client.post(f"/cds-services/{deck.SERVICE_OF['patient-view']}", json=body)
    return answer.status_code, dict(answer.get_json())


@pytest.mark.parametrize("key", [key for key in OPENED if key not in ("patient", "conditions")])
def test_chart_open_says_what_could_not_be_read(client: FlaskClient, key: str) -> None:
    status, answer = opened(client, SUSPECTED.facts, key)
    assert status == 200
    assert deck.item_list(answer)[-1] == ("data-incomplete", "info")
    card = answer["cards"][-1]
    unknowns = deck.extension(card, "basis")["unknowns"]
    expected = {"category": OPENED[key]["resource_type"], "reason": "no-server"}
    assert expected in [{name: u.get(name) for name in expected} for u in unknowns]
    assert OPENED[key]["resource_type"] in card["detail"]


@pytest.mark.parametrize("key", ["patient", "conditions"])
def test_chart_open_needs_patient_and_conditions(client: FlaskClient, key: str) -> None:
    status, answer = opened(client, SUSPECTED.facts, key)
    assert status == 412
    assert answer["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    "change",
    [
        {"age": 17},
        {"hospice": True},
        {"cancer": []},
        {"cancer": [{"site": "ALL", "class": "heme"}]},
    ],
    ids=["child", "hospice", "no cancer", "leukaemia"],
)
def test_chart_open_is_silent_out_of_scope(client: FlaskClient, change: JsonObject) -> None:
    status, answer = opened(client, SUSPECTED.facts | change, "reports")
    assert (status, answer["cards"]) == (200, [])


def test_chart_open_of_unknown_age_says_what_could_not_be_read(client: FlaskClient) -> None:
    status, answer = opened(client, SUSPECTED.facts | {"age": None}, "reports")
    assert (status, deck.items(answer)) == (200, frozenset({("data-incomplete", "info")}))
