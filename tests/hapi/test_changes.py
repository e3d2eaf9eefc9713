"""What is deleted, updated, contained or referred to on a real server between and in calls."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import deck
from tests.charts.build import Chart
from tests.charts.request import request
from tests.hapi import calls
from tests.hapi.client import Hapi

pytestmark = pytest.mark.hapi
HEADACHE, VINCA, CLEAN = "breast-new-headache", "vinorelbine-same-day", "ommaya-clean-order"
CRITICAL, INFO = {("suspected-lm", "critical")}, {("suspected-lm", "info")}


def test_created_updated_deleted_and_created_again(hapi: Hapi, service: FlaskClient) -> None:
    chart = calls.held_story(hapi, HEADACHE, "changes")
    flag = calls.papilloedema(chart)

    def got() -> frozenset[deck.Item]:
        return calls.items(service, chart, "patient-view", hapi.base)

    assert got() == INFO
    hapi.put(flag)
    assert got() == CRITICAL
    hapi.put(flag | {"code": {"text": "Essential hypertension"}})
    assert got() == INFO
    hapi.put(flag)
    assert got() == CRITICAL
    hapi.delete(f"Condition/{flag['id']}")
    assert got() == INFO
    hapi.put(flag)
    assert got() == CRITICAL


def ordered_methotrexate(copy: str) -> tuple[Chart, dict[str, Any]]:
    """The chart of a vinca order with an active intrathecal order of methotrexate, and that."""
    chart = calls.story(VINCA, copy)
    order = calls.resource(chart, "-medication-1")
    named = {k: v for k, v in order.items() if k not in ("contained", "medicationReference")}
    chart.resources.remove(order)
    return chart, named


DRUG = {
    "resourceType": "Medication",
    "code": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6851"}]},
}


@pytest.mark.parametrize("where", ["stated", "contained", "referred", "absolute"])
def test_drug_of_an_order_wherever_it_stands(hapi: Hapi, service: FlaskClient, where: str) -> None:
    """A search by code would find the stated one only."""
    chart, order = ordered_methotrexate(f"drug-{where}")
    drug = DRUG | {"id": f"{chart.patient_id}-drug"}
    forms: dict[str, dict[str, Any]] = {
        "stated": {"medicationCodeableConcept": DRUG["code"]},
        "contained": {
            "contained": [DRUG | {"id": "drug"}],
            "medicationReference": {"reference": "#drug"},
        },
        "referred": {"medicationReference": {"reference": f"Medication/{drug['id']}"}},
        "absolute": {"medicationReference": {"reference": f"{hapi.base}/Medication/{drug['id']}"}},
    }
    hapi.put(*chart.resources, drug, order | forms[where])
    got = calls.items(service, chart, "order-sign", hapi.base)
    assert got == calls.expected(VINCA, "order-sign")


@pytest.mark.parametrize(("deleted", "reason"), [(False, "http-404"), (True, "http-410")])
def test_drug_that_is_not_there(
    hapi: Hapi, service: FlaskClient, deleted: bool, reason: str
) -> None:
    chart = calls.story(CLEAN, f"gone-{reason}")
    drug = DRUG | {"id": f"{chart.patient_id}-drug"}
    order = calls.story(VINCA, "unused").resources[-1] | {
        "id": f"{chart.patient_id}-order",
        "subject": {"reference": f"Patient/{chart.patient_id}"},
        "medicationReference": {"reference": f"Medication/{drug['id']}"},
    }
    order.pop("contained", None)
    hapi.put(*chart.resources, order)
    if deleted:
        hapi.put(drug)
        hapi.delete(f"Medication/{drug['id']}")
    answer = calls.answer(service, chart, "order-sign", hapi.base)
    assert ("Medication", reason) in calls.unread(answer)


@pytest.mark.parametrize(("deleted", "reason"), [(False, "http-404"), (True, "http-410")])
def test_patient_that_is_not_there(
    hapi: Hapi, service: FlaskClient, deleted: bool, reason: str
) -> None:
    chart = calls.story(CLEAN, f"nobody-{reason}")
    if deleted:
        hapi.put(*chart.resources)
        hapi.delete(f"Patient/{chart.patient_id}")
    else:
        hapi.put(*chart.resources[1:])
    answer = calls.answer(service, chart, "order-sign", hapi.base)
    assert ("Patient", reason) in calls.unread(answer)
    body = request(chart, "patient-view", "server", hapi.base)
    opened = service.post("/cds-services/lm-patient-view", json=body)
    assert opened.status_code == 412
    assert reason in opened.get_data(as_text=True)


def test_server_without_such_a_path_is_no_empty_chart(hapi: Hapi, service: FlaskClient) -> None:
    """The same 404 as for an unknown id."""
    chart = calls.held_story(hapi, CLEAN, "path")
    answer = calls.answer(service, chart, "order-sign", f"{hapi.base}/wrong")
    categories = {category for category, _ in calls.unread(answer)}
    assert {"Patient", "Condition", "Observation", "DiagnosticReport"} <= categories
