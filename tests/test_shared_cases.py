"""The core cases of the specification in every notation and every way of asking, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests
from flask.testing import FlaskClient

from tests import deck
from tests.charts.build import NOW, STYLES, Chart
from tests.charts.noise import noise
from tests.charts.request import request
from tests.live import TestServer, application, fhir_server, settings

CASES = deck.shared_cases()
NOISE = 300

pytestmark = pytest.mark.skipif(not CASES, reason="../shared/clinical/cases is not here")


def noisy(chart: Chart, seed: int) -> Chart:
    """The chart among irrelevant resources."""
    return replace(chart, resources=[*chart.resources, *noise(NOISE, seed, NOW)])


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def fhir() -> Iterator[TestServer]:
    with fhir_server() as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with application(settings(tmp_path_factory.mktemp("live"))) as base:
        yield base


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        yield opened


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_prefetch(client: FlaskClient, case: deck.Case, style: str) -> None:
    got = deck.items(deck.ask(client, case.chart(style), case.hook))
    assert got == case.expected, deck.told(got, case.expected)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_prefetch_among_irrelevant_resources(
    client: FlaskClient, case: deck.Case, style: str
) -> None:
    chart = noisy(case.chart(style), seed=len(case.name) + STYLES.index(style))
    got = deck.items(deck.ask(client, chart, case.hook))
    assert got == case.expected, deck.told(got, case.expected)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fhir_server(
    service: str, session: requests.Session, fhir: TestServer, case: deck.Case, style: str
) -> None:
    """Nothing, or only every other key, is prefetched; the rest is asked over real sockets."""
    chart = noisy(case.chart(style), seed=7) if style == "mixed" else case.chart(style)
    fhir.load(chart.resources)
    url = f"{service}/cds-services/{deck.SERVICE_OF[case.hook]}"
    for mode in ("server", "mixed"):
        answer = session.post(url, json=request(chart, case.hook, mode, fhir.base), timeout=20)
        assert answer.status_code == 200, answer.text
        got = deck.items(answer.json())
        assert got == case.expected, f"{mode}: {deck.told(got, case.expected)}"


def test_every_order_sign_id_of_the_cases_is_in_the_catalogue() -> None:
    expected = {item[0] for case in CASES if case.hook == "order-sign" for item in case.expected}
    assert expected <= deck.catalogue("order-sign")
