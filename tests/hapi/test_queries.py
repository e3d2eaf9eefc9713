"""How a real server takes our queries: what it ignores, refuses, caches, and cuts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service import fhir_query
from hooks import SERVICES
from tests.charts.build import Chart
from tests.charts.request import request
from tests.hapi import calls
from tests.hapi.client import RUN, Hapi
from tests.hapi.proxy import Proxy

pytestmark = pytest.mark.hapi
CLEAN = "ommaya-clean-order"
HEADACHE = "breast-new-headache"
NEEDS = SERVICES["lm-order-sign"].needs
SEARCHES = [need for need in NEEDS if "?" in need.query]
READ_OR_SEARCH = re.compile(r"/[A-Z][A-Za-z]+(/[A-Za-z0-9.-]+|\?(&?(patient|code|category|status|"
                            r"intent|_count|_sort)=[^&=:][^&=]*)+)")  # fmt: skip
WIDENED = [
    ("patient-view", HEADACHE, "lung-cauda-equina"),
    ("order-sign", CLEAN, "seven-items-at-once"),
]
WITHIN_ANY_LIMIT = 4000
"""Characters of an address; this server takes 8 KB of request line and headers."""


@pytest.fixture(scope="module")
def clean(hapi: Hapi) -> Chart:
    return calls.held_story(hapi, CLEAN, "queries")


@pytest.mark.parametrize("hook", calls.HOOKS)
def test_only_reads_and_plain_searches_are_asked(
    service: FlaskClient, between: Proxy, clean: Chart, hook: str
) -> None:
    """No operation, date, modifier, include, summary or empty value; no long address."""
    assert calls.items(service, clean, hook, between.base) == calls.expected(CLEAN, hook)
    assert len(between.asked) >= len(SERVICES["lm-patient-view"].needs)
    for query in between.asked:
        assert READ_OR_SEARCH.fullmatch(query.replace("http://", "").replace("%7C", "|")), query
        assert len(query) < WITHIN_ANY_LIMIT


def test_empty_value_would_answer_for_all_patients_and_is_never_sent(
    loaded: Hapi, service: FlaskClient, between: Proxy, clean: Chart
) -> None:
    found = loaded.get("Patient?_id=&_count=2")["entry"]
    assert len(found) == 2
    body = request(clean, "order-sign", "server", between.base)
    body["context"]["patientId"] = ""
    answer = service.post("/cds-services/lm-order-sign", json=body)
    assert answer.status_code < 500
    assert between.asked == []


@pytest.mark.parametrize(("hook", "own", "decisive"), WIDENED)
def test_resources_of_another_patient_do_not_count(
    hapi: Hapi, service: FlaskClient, between: Proxy, hook: str, own: str, decisive: str
) -> None:
    """A server that ignores or widens a parameter answers for others too."""
    chart = calls.held_story(hapi, own, f"own-{hook}")
    other = calls.held_story(hapi, decisive, f"other-{hook}")
    between.change = lambda query: re.sub(
        "patient=[^&]+", lambda one: f"{one[0]},{other.patient_id}", query
    )
    got = calls.items(service, chart, hook, between.base)
    assert got == calls.expected(own, hook) != calls.expected(decisive, hook)


def test_partial_dates_find_nothing_there(hapi: Hapi, clean: Chart) -> None:
    """Why no query of ours holds a date."""
    query = f"Observation?patient={clean.patient_id}&date="
    assert hapi.ids(f"{query}ge2026") == set()
    assert len(hapi.ids(f"{query}ge2025-01-01")) == 5


def test_search_cache_is_passed_by(hapi: Hapi, service: FlaskClient) -> None:
    chart = calls.held_story(hapi, HEADACHE, "cache")
    (query,) = (need.query for need in NEEDS if need.key == "conditions")
    filled = fhir_query.filled(query, chart.patient_id)
    hapi.raw(filled)
    if "HIT" not in hapi.raw(filled).headers.get("X-Cache", ""):
        pytest.skip("this server does not use results of equal searches again")
    assert calls.items(service, chart, "patient-view", hapi.base) == {("suspected-lm", "info")}
    hapi.put(calls.papilloedema(chart))
    assert len(hapi.raw(filled).json()["entry"]) == 3
    got = calls.items(service, chart, "patient-view", hapi.base)
    assert got == {("suspected-lm", "critical")}


@pytest.mark.parametrize("need", SEARCHES, ids=lambda need: need.key)
def test_query_with_a_parameter_that_the_server_refuses(
    service: FlaskClient, between: Proxy, clean: Chart, need: Any
) -> None:
    """The fallbacks are asked in its place, Specimens read by id; else the type is named."""
    path, _, text = fhir_query.filled(need.query, clean.patient_id).partition("?")
    first = fhir_query.address("", f"{path}?{text}", None, sort=False)
    between.change = lambda query: f"{query}&nonsense=1" if query.startswith(first) else query
    answer = calls.answer(service, clean, "order-sign", between.base)
    read_one_by_one = need.key == "specimens" and any("Specimen/" in q for q in between.asked)
    if need.fallbacks or read_one_by_one:
        assert answer["cards"] == []
    else:
        assert (need.resource_type, "http-400") in calls.unread(answer)


def test_request_that_is_too_long_is_refused_and_named(
    hapi: Hapi, service: FlaskClient, clean: Chart
) -> None:
    """This server answers 400 with HTML and closes the connection."""
    token = "t" * 9000
    assert "<html" in hapi.raw("Patient/x", Authorization=f"Bearer {token}").text
    access = {"access_token": token, "token_type": "Bearer", "expires_in": 60, "scope": "a"}
    authorization = {"fhirAuthorization": access | {"subject": "lm-cds"}}
    answer = calls.answer(service, clean, "order-sign", hapi.base, **authorization)
    assert {(n.resource_type, "http-400") for n in NEEDS} <= calls.unread(answer)


def test_cut_resources_are_not_taken_for_complete_ones(
    hapi: Hapi, service: FlaskClient, between: Proxy
) -> None:
    """A summary leaves out the dosage of an order, and with it the intrathecal route."""
    chart = calls.held_story(hapi, "seven-items-at-once", "summary")
    between.change = lambda query: (
        f"{query}&_summary=true" if query.startswith("/MedicationRequest?") else query
    )
    answer = calls.answer(service, chart, "order-sign", between.base)
    assert calls.unread(answer) == {("MedicationRequest", "truncated")}


def test_laboratory_value_coded_by_the_oid_of_loinc(hapi: Hapi, service: FlaskClient) -> None:
    """The query by code does not find it, so that it is not known: never taken for normal."""
    chart = calls.story("teenager-sarcoma-low-platelets", "oid")
    for held in chart.resources:
        for coding in held.get("code", {}).get("coding", ()):
            if held["resourceType"] == "Observation" and coding["system"] == "http://loinc.org":
                coding["system"] = "urn:oid:2.16.840.1.113883.6.1"
    hapi.put(*chart.resources)
    got = calls.items(service, chart, "order-sign", hapi.base)
    found = calls.expected("teenager-sarcoma-low-platelets", "order-sign")
    assert found - got == {("mtx-lumbar-access-safety", "critical")}
    assert got - found == {("mtx-not-verifiable", "warning")}


def test_ids_are_new() -> None:
    """Earlier runs on the same server cannot answer for this one."""
    assert calls.story(CLEAN, "any").patient_id == f"{RUN}-any-{CLEAN}"
