"""The official CDS Hooks Sandbox drives the service as it is: every call of a session."""

from __future__ import annotations

import dataclasses
import json
import socket
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from werkzeug.serving import make_server

import fhir_fixtures
from cds_service import create_app
from tests import clients
from tests.charts.fhir_server import serving
from tests.cross_origin import Blocked, CrossOrigin, Sent
from tests.live import application, settings
from tests.sandbox_robot import KEY_ID, METHOTREXATE_TABLET, ORIGIN, USER, Robot, collapsed

TODAY = datetime.now(UTC)
SUSPECT = "breast-diplopia-and-headache"
LATER = "lung-two-nonpositive-samples"
LEUKAEMIA = "ommaya-clean-order"
VIEWS = [s for s in fhir_fixtures.stories() if "lm-patient-view" in s.expected]


@pytest.fixture
def base(tmp_path: Path) -> Iterator[str]:
    with application(settings(tmp_path, TODAY)) as url:
        yield url


@pytest.fixture
def robot(base: str) -> Robot:
    return Robot(f"{base}/cds-services", f"{base}/fhir")


def shown(cards: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (item["id"], item["indicator"])
        for card in cards
        for name, value in card["extension"].items()
        if name.endswith(".recommendations")
        for item in value
    ]


def calls(robot: Robot, method: str, ending: str) -> list[Sent]:
    return [
        sent for sent in robot.browser.sent if sent.method == method and sent.url.endswith(ending)
    ]


def test_a_whole_session(robot: Robot) -> None:
    cards = robot.open(SUSPECT)
    assert shown(cards) == [("suspected-lm", "warning")]
    assert robot.accept(cards[0], cards[0]["suggestions"][0]) == 204

    cards = robot.change_patient(LATER)
    assert shown(cards) == [("two-nonpositive-csf", "info")]
    assert robot.dismiss(cards[0], cards[0]["overrideReasons"][0]) == 204
    assert robot.change_patient(LATER) == []
    assert shown(robot.change_patient(SUSPECT)) == [("suspected-lm", "warning")]

    assert all(sent.status < 400 for sent in robot.browser.sent)


def test_a_session_with_authentication(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    robot = Robot(f"{base}/cds-services", f"{base}/fhir")
    signer = clients.Signer(ORIGIN, KEY_ID, key=robot.key)
    file = clients.config_file(tmp_path, clients.entry(tmp_path, signer), public_url=base)
    configured = settings(tmp_path, CONFIG_FILE=file)
    app = create_app(dataclasses.replace(configured, now=None))
    with serving(make_server("127.0.0.1", port, app, threaded=True)):
        cards = robot.open(SUSPECT)
        assert shown(cards) == [("suspected-lm", "warning")]
        assert robot.dismiss(cards[0]) == 204
        assert robot.change_patient(SUSPECT) == []
        robot.sign(robot.order(METHOTREXATE_TABLET))
        assert all(sent.status < 400 for sent in robot.browser.sent)
        robot.key = clients.made_key("P-384", 2)
        with pytest.raises(KeyError):
            robot.open(SUSPECT)
    assert robot.browser.sent[-1].status == 401


def test_the_order_of_the_requests(robot: Robot, base: str) -> None:
    robot.open(SUSPECT)
    steps = [(sent.method, sent.url.removeprefix(base)) for sent in robot.browser.sent]
    assert steps[:6] == [
        ("GET", "/fhir/metadata"),
        ("GET", "/fhir/Patient"),
        ("GET", f"/fhir/Patient/{SUSPECT}"),
        ("GET", f"/fhir/Condition?patient={SUSPECT}"),
        ("OPTIONS", "/cds-services"),
        ("GET", "/cds-services"),
    ]
    assert steps[-2:] == [
        ("OPTIONS", "/cds-services/lm-patient-view"),
        ("POST", "/cds-services/lm-patient-view"),
    ]
    searches = [url for method, url in steps if url.endswith("/_search")]
    prefetch = robot.services[f"{base}/cds-services/lm-patient-view"]["prefetch"]
    assert len(searches) == len(prefetch) - 1


@pytest.mark.parametrize("story", VIEWS, ids=lambda story: story.name)
def test_every_test_patient_opened_in_the_sandbox(robot: Robot, story: fhir_fixtures.Story) -> None:
    expected = sorted(story.expected["lm-patient-view"])
    assert sorted(shown(robot.open(story.name))) == expected
    body = json.loads(calls(robot, "POST", "/lm-patient-view")[0].body)
    assert set(body["prefetch"]) == set(
        robot.services[f"{robot.discovery}/lm-patient-view"]["prefetch"]
    )


def test_the_shape_of_a_call(robot: Robot) -> None:
    robot.open(SUSPECT)
    sent = calls(robot, "POST", "/lm-patient-view")[0]
    assert list(json.loads(sent.body)) == [
        "hookInstance", "hook", "fhirServer", "context", "prefetch",
    ]  # fmt: skip
    assert json.loads(sent.body)["context"] == {"patientId": SUSPECT, "userId": USER}
    header = jwt.get_unverified_header(sent.headers["Authorization"].removeprefix("Bearer "))
    assert header["alg"] == "ES384"
    claims = jwt.decode(
        sent.headers["Authorization"].removeprefix("Bearer "),
        robot.key.public_key(),
        algorithms=["ES384"],
        audience=sent.url,
        options={"require": ["iss", "aud", "exp", "iat", "jti"]},
    )
    assert claims["exp"] - claims["iat"] == 300


def test_an_order_before_a_drug_is_chosen_says_nothing(robot: Robot) -> None:
    robot.open(LEUKAEMIA)
    assert robot.sign() == []
    body = json.loads(calls(robot, "POST", "/lm-order-sign")[0].body)
    bundle = body["context"]["draftOrders"]
    assert "type" not in bundle
    assert "intent" not in bundle["entry"][0]["resource"]


def test_methotrexate_tablets_are_not_intrathecal(robot: Robot) -> None:
    robot.open(LEUKAEMIA)
    order = robot.order(METHOTREXATE_TABLET)
    assert isinstance(order["category"], dict)
    assert robot.sign(order) == []


def intrathecal(robot: Robot) -> dict[str, Any]:
    """The Sandbox's own order, defects and all, with what its form cannot enter."""
    order = robot.order(("1655960", "10 ML Methotrexate 25 MG/ML Injection"))
    dosage = order["dosageInstruction"][0]
    snomed = "http://snomed.info/sct"
    dosage["route"] = {"coding": [{"system": snomed, "code": "72607000"}]}
    quantity = {"value": 150, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}
    dosage["doseAndRate"] = [{"doseQuantity": quantity}]
    return order


def test_an_intrathecal_order_in_the_shape_of_the_sandbox_is_checked(robot: Robot) -> None:
    robot.open(LEUKAEMIA)
    cards = robot.sign(intrathecal(robot))
    assert cards[0]["indicator"] == "critical"
    assert ("mtx-dose-for-age", "critical") in shown(cards)
    delete = next(
        suggestion
        for card in cards
        for suggestion in card.get("suggestions", [])
        if suggestion["actions"][0]["type"] == "delete"
    )
    assert delete["actions"][0]["resourceId"] == "MedicationRequest/request-123"
    assert robot.accept(cards[0], delete) == 204
    assert robot.dismiss(cards[0]) == 204
    assert shown(robot.sign(intrathecal(robot))) == shown(cards)


def test_a_prefetch_that_fails_is_left_out_and_named(tmp_path: Path) -> None:
    app = create_app(settings(tmp_path, TODAY))

    def without_allergies(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/fhir/AllergyIntolerance"):
            start("404 Not Found", [("Content-Type", "application/json")])
            return [b"{}"]
        return app(environ, start)

    server = make_server("127.0.0.1", 0, without_allergies, threaded=True)
    with serving(server):
        base = f"http://127.0.0.1:{server.server_port}"
        robot = Robot(f"{base}/cds-services", f"{base}/fhir")
        robot.open(LEUKAEMIA)
        cards = robot.sign(intrathecal(robot))
    body = json.loads(calls(robot, "POST", "/lm-order-sign")[0].body)
    assert "allergies" not in body["prefetch"]
    assert "conditions" in body["prefetch"]
    assert {"category": "AllergyIntolerance", "reason": "http-404"} in unknowns(cards)


def unknowns(cards: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [
        unknown
        for card in cards
        for name, value in card["extension"].items()
        if name.endswith(".basis")
        for unknown in value.get("unknowns", [])
    ]


@pytest.mark.parametrize("origin", ["https://evil.example", "http://sandbox.cds-hooks.org"])
def test_a_page_of_another_origin_is_kept_out(base: str, origin: str) -> None:
    robot = Robot(f"{base}/cds-services", f"{base}/fhir", CrossOrigin(origin))
    with pytest.raises(Blocked):
        robot.open(SUSPECT)


def test_a_sandbox_on_this_host_is_let_in(base: str) -> None:
    robot = Robot(f"{base}/cds-services", f"{base}/fhir", CrossOrigin("http://localhost:8080"))
    assert shown(robot.open(SUSPECT)) == [("suspected-lm", "warning")]


def test_repeated_parameters_collapse() -> None:
    query = "Observation?date=ge2020-01-01&patient=x&date=le2030-01-01&code=a|1,b|2"
    assert collapsed(query) == (
        "Observation?code=a%7C1%2Cb%7C2&date=ge2020-01-01%2Cle2030-01-01&patient=x"
    )


@pytest.mark.parametrize("service", ["lm-patient-view", "lm-order-sign"])
def test_no_template_of_ours_suffers_from_it(robot: Robot, service: str) -> None:
    robot.open(SUSPECT)
    for template in robot.services[f"{robot.discovery}/{service}"]["prefetch"].values():
        names = [pair.split("=")[0] for pair in template.partition("?")[2].split("&")]
        assert len(names) == len(set(names))
