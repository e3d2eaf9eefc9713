"""The form about the visitor's own FHIR server."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests

from cds_service.config import Settings
from cds_service.sandbox.own_server import FormProblem, OwnServer, lenders, own_call
from tests.contract.calls import NOW, chart_server
from tests.live import application, settings

TODAY = NOW.date()
STORY = "breast-diplopia-and-headache"
LENDER = "seven-items-at-once"


@pytest.fixture
def base(tmp_path: Path) -> Iterator[str]:
    with application(settings(tmp_path, NOW)) as url:
        yield url


def sent(base: str, **fields: str) -> str:
    form = {"service": "lm-patient-view", "orders": LENDER} | fields
    answer = requests.post(f"{base}/", data=form, timeout=10)
    assert answer.status_code == 200
    return unescape(answer.text)


def test_the_chart_is_read_from_the_server_of_the_visitor(base: str) -> None:
    with chart_server(STORY) as server:
        html = sent(base, server=server.base, patient=STORY)
        asked = [request.target for request in server.requests]
    assert 'class="card warning"' in html
    assert "Could not be read" not in html
    assert '<figure class="timeline">' in html
    assert any(target.startswith("/fhir/Condition?") for target in asked)
    assert f'value="{server.base}"' in html


def test_orders_are_lent_to_the_patient_of_the_visitor(base: str) -> None:
    with chart_server(STORY) as server:
        html = sent(base, server=server.base, patient=STORY, service="lm-order-sign")
    assert f'"reference": "Patient/{STORY}"' in html
    assert f'"reference": "Patient/{LENDER}"' not in html
    assert 'class="card critical"' in html


def test_a_server_that_does_not_answer_is_not_silence(base: str) -> None:
    html = sent(base, server="http://127.0.0.1:9/fhir", patient="x", service="lm-order-sign")
    assert "Could not be read" in html
    assert "connection" in html


@pytest.mark.parametrize(
    ("server", "patient", "words", "field"),
    [
        ("https://fhir.example.org/r4", "x", "may not be contacted", "server"),
        ("", "x", "may not be contacted", "server"),
        ("http://127.0.0.1:9/fhir", "<b>", "A FHIR id has", "patient"),
        ("http://127.0.0.1:9/fhir", "", "A FHIR id has", "patient"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(
    base: str, server: str, patient: str, words: str, field: str
) -> None:
    html = sent(base, server=server, patient=patient)
    assert words in html
    assert f'aria-describedby="{field}-problem"' in html
    assert f'id="{field}-problem"' in html
    assert '<section aria-labelledby="cards-title">' not in html


def test_a_patient_id_never_stands_in_an_address(base: str) -> None:
    with chart_server(STORY) as server:
        form = {"service": "lm-patient-view", "server": server.base, "patient": STORY}
        answer = requests.post(f"{base}/", data=form, timeout=10)
    assert answer.url == f"{base}/"
    assert answer.history == []


def configured(tmp_path: Path, **changes: Any) -> Settings:
    return settings(tmp_path, NOW, **changes)


def test_servers_of_the_operator_are_open_too(tmp_path: Path) -> None:
    allowed = configured(tmp_path, FHIR_SERVERS="https://fhir.example.org/r4")
    asked = OwnServer.read({"server": "https://FHIR.example.org/r4/", "patient": "Patient/x"})
    body = own_call(asked, "lm-patient-view", allowed, TODAY)
    assert body["fhirServer"] == "https://fhir.example.org/r4"
    assert body["context"]["patientId"] == "x"
    assert "draftOrders" not in body["context"]


@pytest.mark.parametrize("orders", ["", "breast-new-headache", "nobody"])
def test_only_orders_that_exist_are_lent(tmp_path: Path, orders: str) -> None:
    asked = OwnServer("http://localhost/fhir", "x", orders)
    with pytest.raises(FormProblem, match="Choose the orders"):
        own_call(asked, "lm-order-sign", configured(tmp_path), TODAY)


@pytest.mark.parametrize("story", lenders(), ids=lambda story: story.name)
def test_every_story_can_lend_its_orders(tmp_path: Path, story: Any) -> None:
    asked = OwnServer("http://localhost/fhir", "my-patient", story.name)
    body = own_call(asked, "lm-order-sign", configured(tmp_path), TODAY)
    orders = [each["resource"] for each in body["context"]["draftOrders"]["entry"]]
    subjects = {order["subject"]["reference"] for order in orders if "subject" in order}
    assert subjects == {"Patient/my-patient"}
