"""Whatever cannot be looked up is named: no order is answered as if nothing had been found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests import deck
from tests.charts.fhir_server import REFUSED
from tests.charts.request import request
from tests.charts.search import needs
from tests.charts.vocabulary import JsonObject
from tests.live import TestServer, fhir_server

NEEDS = needs("order-sign")
REASONS = {
    "500": "http-500",
    "503": "http-503",
    "403": "http-403",
    "404": "http-404",
    "drop": "connection",
    "truncated": "truncated",
    "next-500": "truncated",
    "not-json": "not-json",
    "redirect": "redirect",
}
"""Fault of the server -> reason in the card."""
HANGING_DEADLINE_MS = 300
SHARED = [case for case in deck.shared_cases() if case.hook == "order-sign"]
METHOTREXATE = [
    case
    for case in (*SHARED, *deck.own_cases())
    if case.hook == "order-sign" and (case.facts.get("order") or {}).get("drug") == "methotrexate"
    if case.facts["order"].get("route") in ("IT", "intraventricular")
    if case.facts["order"].get("subject", "patient") == "patient"
]
CLEAN = next(case for case in deck.own_cases() if case.name == "dose: 12 mg in 12 mL is 1 mg/mL")
SEARCHES = [key for key in NEEDS if key != "patient"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("drop"))


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    folder = tmp_path_factory.mktemp("hurried")
    return deck.flask_client(folder, DEADLINE_MS=HANGING_DEADLINE_MS)


@pytest.fixture(scope="module")
def fhir() -> Iterator[TestServer]:
    with fhir_server() as server:
        yield server


def ask(client: FlaskClient, fhir: TestServer, case: deck.Case, key: str, fault: str) -> JsonObject:
    """The answer when one key is not prefetched and its query goes wrong."""
    made = case.chart("mixed")
    fhir.load(made.resources, {key: fault})
    deck.forget_servers(client)
    body = request(made, "order-sign", "prefetch", fhir.base, leave_out=frozenset({key}))
    return deck.post(client, "order-sign", body)


def not_verifiable(answer: JsonObject) -> JsonObject:
    """The card that says what could not be verified."""
    assert ("mtx-not-verifiable", "warning") in deck.items(answer)
    return next(
        card
        for card in answer["cards"]
        if any(e["id"] == "mtx-not-verifiable" for e in deck.extension(card, "recommendations"))
    )


def assert_named(answer: JsonObject, key: str, reason: str) -> None:
    """The resource type stands in the unknowns with its reason, and in the detail."""
    category = NEEDS[key]["resource_type"]
    card = not_verifiable(answer)
    unknowns = deck.extension(card, "basis")["unknowns"]
    named = [unknown for unknown in unknowns if unknown.get("category") == category]
    assert [unknown["reason"] for unknown in named] == [reason], unknowns
    assert category in card["detail"]


@pytest.mark.parametrize("fault", REASONS)
@pytest.mark.parametrize("key", SEARCHES)
def test_one_search_fails(client: FlaskClient, fhir: TestServer, key: str, fault: str) -> None:
    assert_named(ask(client, fhir, CLEAN, key, fault), key, REASONS[fault])


@pytest.mark.parametrize("fault", ["500", "403", "drop", "not-json"])
def test_patient_cannot_be_read(client: FlaskClient, fhir: TestServer, fault: str) -> None:
    assert_named(ask(client, fhir, CLEAN, "patient", fault), "patient", REASONS[fault])


@pytest.mark.parametrize("key", NEEDS)
def test_one_query_hangs(hurried: FlaskClient, fhir: TestServer, key: str) -> None:
    assert_named(ask(hurried, fhir, CLEAN, key, "hang"), key, "timeout")


@pytest.mark.parametrize("key", SEARCHES)
def test_no_server_at_all(client: FlaskClient, key: str) -> None:
    body = request(CLEAN.chart("mixed"), "order-sign", "prefetch", leave_out=frozenset({key}))
    assert_named(deck.post(client, "order-sign", body), key, "no-server")


@pytest.mark.parametrize("case", METHOTREXATE, ids=lambda case: case.name)
def test_a_failure_never_empties_the_answer(
    client: FlaskClient, fhir: TestServer, case: deck.Case
) -> None:
    """Every intrathecal methotrexate order; core cases with every need, others with two."""
    start = len(case.name) % len(NEEDS)
    keys = list(NEEDS) if case in SHARED else [*NEEDS, *NEEDS][start : start + 2]
    for number, key in enumerate(keys):
        single = key == "patient"
        fault = "500" if single else ("500", "403", "truncated")[number % 3]
        assert_named(ask(client, fhir, case, key, fault), key, REASONS[fault])


@pytest.mark.parametrize("key", [key for key in SEARCHES if "fallbacks" in NEEDS[key]])
@pytest.mark.parametrize("case", SHARED, ids=lambda case: case.name)
def test_refused_query_whose_fallbacks_work_changes_nothing(
    client: FlaskClient, fhir: TestServer, case: deck.Case, key: str
) -> None:
    assert deck.items(ask(client, fhir, case, key, REFUSED)) == case.expected


ORDER_ONLY = (
    "dose: adult 15.01 mg",
    "dose: mg per kg",
    "safety: formulation not stated",
    "safety: note says not preservative-free",
)
"""Cases whose items rest on the order alone."""


@pytest.mark.parametrize("name", ORDER_ONLY)
def test_order_only_items_stay_when_nothing_can_be_read(client: FlaskClient, name: str) -> None:
    case = next(case for case in deck.own_cases() if case.name == name)
    body = request(case.chart("mixed"), "order-sign", "prefetch", leave_out=frozenset(NEEDS))
    got = deck.items(deck.post(client, "order-sign", body))
    assert case.expected <= got
    assert ("mtx-not-verifiable", "warning") in got


@pytest.mark.parametrize("key", ["procedures", "serviceRequests"])
def test_systemic_order_names_craniospinal_radiotherapy(
    client: FlaskClient, fhir: TestServer, key: str
) -> None:
    case = next(case for case in deck.own_cases() if case.name == "route: high-dose intravenous")
    card = not_verifiable(ask(client, fhir, case, key, "500"))
    assert "craniospinal radiotherapy" in card["detail"]


@pytest.mark.parametrize("key", ["labs", "devices", "reports", "allergies"])
def test_systemic_order_does_not_need_the_rest(
    client: FlaskClient, fhir: TestServer, key: str
) -> None:
    case = next(case for case in deck.own_cases() if case.name == "route: high-dose intravenous")
    assert deck.items(ask(client, fhir, case, key, "500")) == frozenset()


def test_failed_conditions_use_the_solid_bands_and_no_indication(
    client: FlaskClient, fhir: TestServer
) -> None:
    case = next(
        case for case in deck.own_cases() if case.name == "dose: leukaemia five years 12.61 mg"
    )
    got = deck.items(ask(client, fhir, case, "conditions", "500"))
    assert ("mtx-dose-for-age", "critical") in got
    assert "mtx-indication" not in {name for name, _ in got}


def test_missing_route_counts_as_intrathecal_when_conditions_failed(
    client: FlaskClient, fhir: TestServer
) -> None:
    case = next(
        case for case in deck.own_cases() if case.name == "route: route missing and no cancer"
    )
    got = deck.items(ask(client, fhir, case, "conditions", "500"))
    assert ("mtx-route-not-coded", "warning") in got
    assert ("mtx-not-verifiable", "warning") in got
