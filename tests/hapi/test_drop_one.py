"""A real server behind a proxy that refuses one query: the category is named in every answer."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient

from tests import deck, real_data
from tests.charts.fhir_server import TestServer
from tests.charts.search import needs
from tests.charts.vocabulary import JsonObject
from tests.hapi import calls
from tests.hapi.client import Hapi, renamed_chart
from tests.hapi.proxy import Proxy

pytestmark = pytest.mark.hapi
NEEDS = needs("order-sign")
FAULT = "500"
KNOWN = "breast-diplopia-and-headache"
ORDERS = [(case, case.facts.get("order") or {}) for case in deck.shared_cases()]
METHOTREXATE = [
    case
    for case, order in ORDERS
    if order.get("drug") == "methotrexate" and order.get("route") in ("IT", "intraventricular")
    if case.hook == "order-sign" and order.get("subject", "patient") == "patient"
]


def refusing(between: Proxy, key: str, patient_id: str) -> None:
    """Let the proxy refuse the query of one need, with its fallbacks and single reads."""
    faulty = TestServer(faults={key: FAULT})
    between.change = lambda query: int(faulty.fault(query[1:], patient_id) or 0) or query


@pytest.mark.skipif(not METHOTREXATE, reason="../shared/clinical/cases is not here")
@pytest.mark.parametrize("case", METHOTREXATE, ids=lambda case: case.name)
def test_every_methotrexate_case_with_every_query_refused_in_turn(
    hapi: Hapi, later: FlaskClient, between: Proxy, case: deck.Case
) -> None:
    chart = renamed_chart(case.chart("snomed"), f"drop-{METHOTREXATE.index(case)}")
    hapi.put(*chart.resources)
    assert calls.items(later, chart, case.hook, between.base) == case.expected
    for key, need in NEEDS.items():
        refusing(between, key, chart.patient_id)
        answer = calls.answer(later, chart, case.hook, between.base)
        assert ("mtx-not-verifiable", "warning") in deck.items(answer), key
        assert (need["resource_type"], f"http-{FAULT}") in calls.unread(answer), key


@pytest.mark.skipif(not real_data.FOLDER.exists(), reason=real_data.ABSENT)
@pytest.mark.parametrize("service_id", sorted(deck.SERVICE_OF.values()))
@pytest.mark.parametrize("known", [False, True], ids=["patients unknown", "patient known"])
def test_calls_of_other_clients(
    hapi: Hapi, later: FlaskClient, service_id: str, known: bool
) -> None:
    """Sent to this server without prefetch, about their own patients or one that it holds."""
    held = calls.held_story(hapi, KNOWN, "others").patient_id if known else None
    paths = [path for path in real_data.hook_bodies() if real_data.is_json(path)]
    seen = [sent(later, service_id, at(hapi, path.read_bytes(), held)) for path in paths]
    assert set(seen) <= ({200, 400} if known else {200, 400, 412})
    assert len(seen) - seen.count(400) > 10


def at(hapi: Hapi, body: bytes, patient_id: str | None) -> object:
    """A call changed to ask this server for everything; anything else stays as it is."""
    call = json.loads(body)
    if not isinstance(call, dict):
        return call
    dropped = ("prefetch", "fhirAuthorization")
    kept: JsonObject = {name: value for name, value in call.items() if name not in dropped}
    context = kept.get("context")
    if patient_id and isinstance(context, dict):
        kept["context"] = context | {"patientId": patient_id}
    return kept | {"fhirServer": hapi.base}


def sent(client: FlaskClient, service_id: str, call: object) -> int:
    """The status of a call."""
    return client.post(f"/cds-services/{service_id}", json=call).status_code
