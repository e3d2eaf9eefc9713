"""Reports whose words stand in an attachment, through the whole service."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import deck
from tests.charts.build import chart
from tests.charts.vocabulary import JsonObject

CLASSIFY = "A CSF result on record could not be classified; read the report."
UNREAD_MRI = "An MRI report on record is in a form that could not be read; read the report."
NEGATIVE, POSITIVE = "No malignant cells seen.", "Malignant cells present."
LINEAR, MASS = "Linear leptomeningeal enhancement.", "Cerebellar metastasis."


def data(text: str) -> str:
    return b64encode(text.encode()).decode()


def plain(text: str) -> JsonObject:
    return {"contentType": "text/plain", "data": data(text)}


def html(text: str) -> JsonObject:
    page = f"<html><head><style>p {{}}</style></head><body><p>{text}</p></body></html>"
    return {"contentType": "text/html; charset=utf-8", "data": data(page)}


UNREADABLE = {
    "pdf": {"contentType": "application/pdf", "data": data("%PDF-1.7 " + NEGATIVE)},
    "url only": {"contentType": "text/plain", "url": "https://records.example/report.txt"},
    "broken base64": {"contentType": "text/plain", "data": "%%%"},
    "unknown charset": {"contentType": "text/plain; charset=x-none", "data": data(NEGATIVE)},
    "too long": plain(f"{NEGATIVE} " * 5_000),
}
readable = pytest.mark.parametrize("form", [plain, html])
unreadable = pytest.mark.parametrize("form", UNREADABLE.values(), ids=UNREADABLE)


def report(title: str, form: JsonObject, days: int = 5, **members: Any) -> JsonObject:
    return {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": {"text": title},
        "effectiveDateTime": f"@{days}",
        "presentedForm": [form],
        **members,
    }


def cytology(form: JsonObject, **members: Any) -> JsonObject:
    return report("CSF cytology", form, **members)


def mri(form: JsonObject, days: int = 5) -> JsonObject:
    return report("MRI brain with and without contrast", form, days)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("attached"))


def ask(client: FlaskClient, hook: str, base: JsonObject, *raw: JsonObject) -> JsonObject:
    return deck.ask(client, chart(base | {"raw": list(raw)}, "icd"), hook)


CANCER = [{"site": "lung", "status": "active", "metastatic": True}]
SUSPECTED = {"age": 65, "cancer": CANCER, "symptoms": [{"code": "diplopia", "days": 12}]}
LABS = {"plt": [180, 1], "inr": [1.0, 1]}


def detail(answer: JsonObject) -> str:
    return "\n".join(card["detail"] for card in answer["cards"])


@readable
def test_an_attached_cytology_counts(
    client: FlaskClient, form: Callable[[str], JsonObject]
) -> None:
    one = ask(client, "patient-view", SUSPECTED | {"labs": LABS}, cytology(form(NEGATIVE)))
    assert deck.items(one) == {("repeat-lp", "warning")}
    assert "CSF cytology: negative, " in detail(one)
    assert "(read from text), DiagnosticReport/raw-1" in detail(one)
    found = ask(client, "patient-view", SUSPECTED, cytology(form(POSITIVE)))
    assert ("positive-csf-uncoded", "warning") in deck.items(found)


@unreadable
def test_an_attached_cytology_that_cannot_be_read_is_no_negative_one(
    client: FlaskClient, form: JsonObject
) -> None:
    found = ask(client, "patient-view", SUSPECTED, cytology(form))
    assert deck.items(found) == {("suspected-lm", "warning")}
    assert CLASSIFY in detail(found)


@unreadable
def test_what_a_report_says_beside_its_attachment_counts(
    client: FlaskClient, form: JsonObject
) -> None:
    stated = cytology(form, conclusion=NEGATIVE)
    found = ask(client, "patient-view", SUSPECTED | {"labs": LABS}, stated)
    assert deck.items(found) == {("repeat-lp", "warning")}
    assert CLASSIFY not in detail(found)


@unreadable
def test_a_second_sample_that_cannot_be_read_is_named(
    client: FlaskClient, form: JsonObject
) -> None:
    first = cytology(plain(NEGATIVE), days=20)
    found = ask(client, "patient-view", SUSPECTED | {"labs": LABS}, first, cytology(form))
    assert deck.items(found) == {("repeat-lp", "warning")}
    assert CLASSIFY in detail(found)


@readable
def test_an_attached_mri_counts(client: FlaskClient, form: Callable[[str], JsonObject]) -> None:
    quiet = SUSPECTED | {"symptoms": []}
    found = ask(client, "patient-view", quiet, mri(form(LINEAR)))
    assert deck.items(found) == {("suspected-lm", "warning")}
    assert "MRI brain: leptomeningeal pattern linear, " in detail(found)
    assert "(read from text), DiagnosticReport/raw-1" in detail(found)
    normal = ask(client, "patient-view", quiet, mri(form("No leptomeningeal enhancement.")))
    assert deck.items(normal) == set()


@unreadable
def test_an_attached_mri_that_cannot_be_read_is_named(
    client: FlaskClient, form: JsonObject
) -> None:
    found = ask(client, "patient-view", SUSPECTED, mri(form))
    assert deck.items(found) == {("suspected-lm", "warning")}
    assert UNREAD_MRI in detail(found)
    assert "report of the MRI brain" in detail(found)


@unreadable
def test_an_mri_that_cannot_be_read_clears_no_mass(client: FlaskClient, form: JsonObject) -> None:
    sampled = SUSPECTED | {"labs": LABS}
    older = mri(plain(MASS), days=20)
    found = ask(client, "patient-view", sampled, cytology(plain(NEGATIVE)), older, mri(form))
    assert deck.items(found) == {("repeat-lp-unsafe", "critical")}
    assert UNREAD_MRI in detail(found)
    read = ask(client, "patient-view", sampled, cytology(plain(NEGATIVE)), older, mri(plain("-")))
    assert deck.items(read) == {("repeat-lp", "warning")}


@unreadable
def test_an_mri_that_cannot_be_read_does_not_show_that_pressure_is_normal(
    client: FlaskClient, form: JsonObject
) -> None:
    pressed = SUSPECTED | {"labs": LABS, "symptoms": [{"code": "papilloedema", "days": 8}]}
    found = ask(client, "patient-view", pressed, cytology(plain(NEGATIVE)), mri(form))
    assert ("repeat-lp-unsafe", "critical") in deck.items(found)
    assert "without readable brain MRI since" in detail(found)
    read = ask(client, "patient-view", pressed, cytology(plain(NEGATIVE)), mri(plain("-")))
    assert ("repeat-lp", "warning") in deck.items(read)


FLOW = "CSF flow study, In-111 DTPA"
ORDER = {
    "age": 54,
    "cancer": CANCER,
    "lm_dx": "confirmed",
    "kps": 80,
    "shunt": "none",
    "hydrocephalus": "none",
    "labs": LABS,
    "order": {"drug": "methotrexate", "route": "IT", "access": "ommaya", "dose": 12}
    | {"unit": "mg", "form": "PF", "volume_ml": 12},
}


@readable
def test_an_attached_flow_study_counts(
    client: FlaskClient, form: Callable[[str], JsonObject]
) -> None:
    blocked = ask(client, "order-sign", ORDER, report(FLOW, form("Block at T8.")))
    assert ("mtx-csf-flow", "critical") in deck.items(blocked)
    assert "CSF flow study: obstructed, " in detail(blocked)
    normal = ask(client, "order-sign", ORDER, report(FLOW, form("Normal CSF flow.")))
    assert deck.items(normal) == set()


@unreadable
def test_a_flow_study_that_cannot_be_read_opens_nothing(
    client: FlaskClient, form: JsonObject
) -> None:
    found = ask(client, "order-sign", ORDER, report(FLOW, form))
    assert {name for name, _ in deck.items(found)} == {"mtx-not-verifiable"}
    assert "CSF flow" in detail(found)
    older = report(FLOW, plain("Block at T8."), 20)
    blocked = ask(client, "order-sign", ORDER, older, report(FLOW, form))
    assert ("mtx-csf-flow", "critical") in deck.items(blocked)


def test_no_word_of_an_attachment_reaches_a_card(client: FlaskClient) -> None:
    secret = "Zebra finding of Mrs Example."
    raw = cytology(html(f"{NEGATIVE} {secret}")), mri(plain(f"{LINEAR} {secret}"))
    found = ask(client, "patient-view", SUSPECTED | {"labs": LABS}, *raw)
    assert found["cards"]
    assert "Zebra" not in str(found)
    assert "Example" not in str(found)


def test_attachments_of_the_wrong_type_make_the_report_unreadable(client: FlaskClient) -> None:
    broken = cytology({}) | {"presentedForm": "text"}
    found = ask(client, "patient-view", SUSPECTED, broken)
    assert "DiagnosticReport could not be read (unreadable)" in detail(found)
