"""Rows S: being called, with whatever prefetch and with a FHIR server for the rest."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from hooks import SERVICES
from tests import fault_server
from tests.contract.calls import (
    CHART,
    ORDER,
    OVERDOSE,
    SUSPECT,
    call,
    chart_server,
    context,
    recommendations,
    template_of,
    unknowns,
)

BOTH = [(CHART, SUSPECT), (ORDER, OVERDOSE)]
NEEDS = [(service.id, need.key) for service in SERVICES.values() for need in service.needs]
OUTCOME = fault_server.outcome("error")


def post(client: FlaskClient, body: dict[str, Any]) -> Any:
    service = next(each.id for each in SERVICES.values() if each.hook == body["hook"])
    return client.post(f"/cds-services/{service}", json=body)


@pytest.mark.parametrize(("service", "story"), BOTH)
def test_S_01_a_call_is_answered(client: FlaskClient, service: str, story: str) -> None:
    answer = post(client, call(service, story))
    assert answer.status_code == 200
    assert recommendations(answer)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_S_01_a_json_body_counts_whatever_its_content_type(
    client: FlaskClient, kind: str | None
) -> None:
    answer = client.post(
        f"/cds-services/{ORDER}", data=orjson.dumps(call(ORDER)), content_type=kind
    )
    assert recommendations(answer)


@pytest.mark.parametrize(
    "body",
    [
        {"hook": "patient-view"},
        {"hook": "patient-view", "context": {}},
        {"hook": "patient-view", "context": {"patientId": ""}},
        {"hook": "order-sign", "context": {"patientId": "lm-1"}},
        [],
    ],
    ids=str,
)
def test_S_02_chart_open_without_context_or_patient_is_refused(
    client: FlaskClient, body: Any
) -> None:
    answer = client.post(f"/cds-services/{CHART}", json=body)
    assert (answer.status_code, answer.json["resourceType"]) == (400, "OperationOutcome")


@pytest.mark.parametrize(
    "body",
    [
        "order-sign",
        call(ORDER) | {"hook": "patient-view"},
        call(ORDER) | {"context": None},
        context(call(ORDER), draftOrders=None),
        context(call(ORDER), draftOrders={"resourceType": "MedicationRequest"}),
    ],
    ids=["no object", "other hook", "no context", "no orders", "no bundle"],
)
def test_S_02_order_sign_is_refused_only_if_nothing_can_be_evaluated(
    client: FlaskClient, body: Any
) -> None:
    assert client.post(f"/cds-services/{ORDER}", json=body).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        call(ORDER) | {"hook": None},
        {k: v for k, v in call(ORDER).items() if k not in ("hookInstance", "hook")},
        call(ORDER) | {"hookInstance": 7, "fhirServer": 5, "fhirAuthorization": "x"},
        context(call(ORDER), userId=None, encounterId=9),
        context(call(ORDER), userId="Patient/x"),
    ],
    ids=["null hook", "no hook", "odd members", "no user", "patient signs"],
)
def test_S_02_order_sign_is_evaluated_whatever_else_is_odd(client: FlaskClient, body: Any) -> None:
    answer = client.post(f"/cds-services/{ORDER}", json=body)
    assert ("mtx-dose-for-age", "critical") in recommendations(answer)


def test_S_02_an_order_without_a_patient_id_never_gets_an_empty_answer(client: FlaskClient) -> None:
    answer = post(client, context(call(ORDER), patientId=None))
    assert answer.status_code == 200
    assert "mtx-not-verifiable" in {name for name, _ in recommendations(answer)}


def test_S_02_an_empty_list_of_orders_is_readable(client: FlaskClient) -> None:
    orders = {"resourceType": "Bundle", "entry": []}
    answer = post(client, context(call(ORDER), draftOrders=orders))
    assert (answer.status_code, answer.json) == (200, {"cards": []})


def test_S_02_users_who_are_patients_get_no_chart_open_cards(client: FlaskClient) -> None:
    assert recommendations(post(client, call(CHART)))
    for user in ("Patient/x", "RelatedPerson/x"):
        answer = post(client, context(call(CHART, prefetch={}), userId=user))
        assert (answer.status_code, answer.json) == (200, {"cards": []})


def test_S_03_the_hook_instance_keeps_no_state(client: FlaskClient) -> None:
    first = post(client, call(CHART))
    other_patient = call(CHART, "lung-first-csf-negative", hookInstance=call(CHART)["hookInstance"])
    assert recommendations(first) != recommendations(post(client, other_patient))
    assert recommendations(post(client, call(CHART))) == recommendations(first)


@pytest.mark.parametrize(("service", "story"), BOTH)
def test_S_04_an_answer_takes_far_less_than_half_a_second(
    client: FlaskClient, service: str, story: str
) -> None:
    body = call(service, story)
    post(client, body)
    taken = []
    for _ in range(20):
        start = time.perf_counter()
        post(client, body)
        taken.append(time.perf_counter() - start)
    assert sorted(taken)[18] < 0.45


@pytest.mark.parametrize(("service", "story"), BOTH)
def test_S_05_prefetch_and_fhir_server_lead_to_the_same_cards(
    client: FlaskClient, service: str, story: str
) -> None:
    with chart_server(story) as server:
        asked = post(client, call(service, story, prefetch=None, fhirServer=server.base))
        assert len(server.requests) >= len(SERVICES[service].needs)
    assert recommendations(asked) == recommendations(post(client, call(service, story)))
    assert unknowns(asked) == set()


@pytest.mark.parametrize(("service", "key"), NEEDS)
def test_S_06_S_09_exactly_the_missing_key_is_queried(
    client: FlaskClient, service: str, key: str
) -> None:
    story = SUSPECT if service == CHART else OVERDOSE
    body = call(service, story)
    del body["prefetch"][key]
    with chart_server(story) as server:
        answer = post(client, body | {"fhirServer": server.base})
        targets = server.targets
    query = template_of(service, key).replace("{{context.patientId}}", body["context"]["patientId"])
    path, _, parameters = query.partition("?")
    assert targets
    assert all(target.startswith(f"/fhir/{path}") for target in targets)
    for parameter in parameters.replace("|", "%7C").split("&"):
        assert parameter in targets[0]
    assert recommendations(answer) == recommendations(post(client, call(service, story)))


@pytest.mark.parametrize("missing", ["patient", "conditions"])
@pytest.mark.parametrize("behaviour", [None, "401", "500", "hang", "html", "refused"])
def test_S_07_required_data_that_cannot_be_had_are_412(
    client: FlaskClient, missing: str, behaviour: str | None
) -> None:
    body = call(CHART)
    del body["prefetch"][missing]
    with fault_server.fault_server() as server:
        acts = {
            "401": fault_server.status(401),
            "500": fault_server.status(500),
            "hang": fault_server.hang,
            "html": fault_server.html,
        }
        if behaviour in acts:
            server.on("/", acts[behaviour])
        base = "http://127.0.0.1:9/fhir" if behaviour == "refused" else server.base
        answer = post(client, body | ({"fhirServer": base} if behaviour else {}))
    category = {"patient": "Patient", "conditions": "Condition"}[missing]
    assert answer.status_code == 412
    assert answer.json["issue"][0]["diagnostics"].startswith(f"{category}: ")


def test_S_07_a_partly_read_condition_answer_is_enough(client: FlaskClient) -> None:
    body = call(CHART)
    conditions = body["prefetch"]["conditions"]
    conditions["link"] = [{"relation": "next", "url": "http://127.0.0.1:9/fhir?page=2"}]
    answer = post(client, body)
    assert answer.status_code == 200
    assert ("data-incomplete", "info") in recommendations(answer)
    assert ("Condition", "truncated") in unknowns(answer)


def test_S_07_another_gap_is_named_not_refused(client: FlaskClient) -> None:
    body = call(CHART)
    del body["prefetch"]["reports"]
    answer = post(client, body)
    assert answer.status_code == 200
    assert ("DiagnosticReport", "no-server") in unknowns(answer)


def test_S_07_order_sign_is_never_412(client: FlaskClient) -> None:
    answer = post(client, call(ORDER, prefetch=None))
    assert answer.status_code == 200
    assert ("mtx-not-verifiable", "warning") in recommendations(answer)
    categories = {need.resource_type for need in SERVICES[ORDER].needs}
    assert unknowns(answer) >= {(category, "no-server") for category in categories}


@pytest.mark.parametrize("service", [CHART, ORDER])
@pytest.mark.parametrize("empty", [None, {"resourceType": "Bundle", "type": "searchset"}], ids=str)
def test_S_08_S_11_known_empty_is_not_asked_again(
    client: FlaskClient, service: str, empty: Any
) -> None:
    prefetch = {need.key: empty for need in SERVICES[service].needs} | {"patient": None}
    body = call(service) | {"prefetch": prefetch}
    with fault_server.fault_server() as server:
        answer = post(client, body | {"fhirServer": server.base})
        asked = [target for target in server.targets if "?" in target or "/Patient/" in target]
    assert (answer.status_code, asked) == (200, [])
    assert unknowns(answer) == set()


@pytest.mark.parametrize("shape", ["value", "entry"])
def test_S_10_an_operation_outcome_is_a_failure_not_an_empty_answer(
    client: FlaskClient, shape: str
) -> None:
    body = call(ORDER)
    value = OUTCOME if shape == "value" else fault_server.bundle(OUTCOME)
    body["prefetch"]["conditions"] = value
    answer = post(client, body)
    assert "Condition" in {category for category, _ in unknowns(answer)}
    assert ("mtx-not-verifiable", "warning") in recommendations(answer)


def test_S_10_a_remark_that_nothing_was_found_is_an_empty_answer(client: FlaskClient) -> None:
    body = call(ORDER)
    body["prefetch"]["allergies"] = fault_server.bundle(fault_server.outcome("information"))
    assert "AllergyIntolerance" not in {category for category, _ in unknowns(post(client, body))}


def test_S_12_the_decisive_entry_may_be_on_the_next_page(client: FlaskClient) -> None:
    body = call(CHART)
    entries = body["prefetch"]["conditions"]["entry"]
    whole = [entry["resource"] for entry in entries]
    with fault_server.fault_server() as server:
        following = f"{server.base}?_getpages=1&_getpagesoffset=1"
        server.on("?_getpages", fault_server.answer(fault_server.bundle(*whole[1:])))
        body["prefetch"]["conditions"] = fault_server.bundle(whole[0], next=following)
        answer = post(client, body | {"fhirServer": server.base})
        assert server.targets == ["/fhir?_getpages=1&_getpagesoffset=1"]
    assert recommendations(answer) == recommendations(post(client, call(CHART)))


def test_S_13_draft_orders_are_never_looked_up(client: FlaskClient) -> None:
    body = call(ORDER, prefetch=None)
    drafts = {e["resource"]["id"] for e in body["context"]["draftOrders"]["entry"]}
    with chart_server(OVERDOSE) as server:
        post(client, body | {"fhirServer": server.base})
        assert not any(draft in target for draft in drafts for target in server.targets)


def test_S_14_odd_resources_are_reported_not_guessed(client: FlaskClient) -> None:
    body = call(ORDER)
    patient = body["context"]["patientId"]
    older = {
        "resourceType": "Condition",
        "subject": {"reference": f"Patient/{patient}"},
        "code": [],
    }
    body["prefetch"]["conditions"] = fault_server.bundle(older)
    assert ("Condition", "unreadable") in unknowns(post(client, body))


@pytest.mark.parametrize("status", ["draft", "active", "on-hold", None])
def test_S_15_orders_count_in_every_status(client: FlaskClient, status: str | None) -> None:
    body = call(ORDER)
    for entry in body["context"]["draftOrders"]["entry"]:
        entry["resource"].pop("status", None)
        entry["resource"] |= {"status": status} if status else {}
    assert ("mtx-dose-for-age", "critical") in recommendations(post(client, body))


@pytest.mark.parametrize("value", ["123", 5, [], True, {}, {"resourceType": 5}, [[]]], ids=str)
def test_an_odd_prefetch_value_counts_as_not_sent(client: FlaskClient, value: Any) -> None:
    body = call(ORDER)
    body["prefetch"]["conditions"] = value
    answer = post(client, body)
    assert answer.status_code == 200
    assert "Condition" in {category for category, _ in unknowns(answer)}


def test_unknown_members_and_extensions_are_accepted(client: FlaskClient) -> None:
    body = call(CHART, extension={"com.example.action": [None, ""]}, workflow="x")
    assert recommendations(post(client, body)) == recommendations(post(client, call(CHART)))


def test_a_patient_id_may_carry_its_type(client: FlaskClient) -> None:
    bare = call(CHART)
    typed = context(bare, patientId=f"Patient/{bare['context']['patientId']}")
    assert recommendations(post(client, typed)) == recommendations(post(client, bare))
