"""Reading a call: what is refused, what only forbids queries, what does not matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from cds_service import errors
from cds_service.hook_call import HookCall, parse
from hooks.record import Reason


@dataclass(frozen=True)
class Asked:
    id: str
    hook: str


CHART = Asked("lm-patient-view", "patient-view")
ORDER = Asked("lm-order-sign", "order-sign")
AUTHORIZATION = {
    "access_token": "secret-token",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/*.read",
    "subject": "lm-cds",
}
ABSENT = object()


def body(service: Asked, **changes: Any) -> dict[str, Any]:
    """A complete call; `context__name` changes a member of the context, ABSENT removes one."""
    context: dict[str, Any] = {
        "userId": "Practitioner/p1",
        "patientId": "lm-1",
        "encounterId": "e1",
    }
    if service is ORDER:
        context["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": {}}]}
    whole: dict[str, Any] = {
        "hook": service.hook,
        "hookInstance": "7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10",
        "context": context,
        "fhirServer": "https://fhir.example/r4",
        "fhirAuthorization": AUTHORIZATION,
        "prefetch": {"patient": None},
    }
    for name, value in changes.items():
        target, key = (context, name[9:]) if name.startswith("context__") else (whole, name)
        target.pop(key, None)
        if value is not ABSENT:
            target[key] = value
    return whole


def read(service: Asked, **changes: Any) -> HookCall:
    return parse(service, orjson.dumps(body(service, **changes)), received=12.5)


def test_a_complete_call() -> None:
    call = read(ORDER)
    assert call == HookCall(
        hook="order-sign",
        service_id="lm-order-sign",
        hook_instance="7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10",
        patient_id="lm-1",
        user_id="Practitioner/p1",
        encounter_id="e1",
        draft_orders=[{"resource": {}}],
        prefetch={"patient": None},
        fhir_server="https://fhir.example/r4",
        access_token="secret-token",
        received=12.5,
        queries_allowed=True,
        why_not=None,
    )


def test_chart_open_has_no_draft_orders() -> None:
    bundle = {"resourceType": "Bundle", "entry": [1]}
    assert read(CHART, context__draftOrders=bundle).draft_orders == []


def test_repr_holds_neither_patient_nor_token() -> None:
    text = repr(read(ORDER, prefetch={"patient": {"id": "lm-1", "name": "Roe"}}))
    assert "lm-order-sign" in text
    assert not any(part in text for part in ("lm-1", "secret-token", "Roe", "fhir.example", "p1"))


@pytest.mark.parametrize("service", [CHART, ORDER])
@pytest.mark.parametrize(
    "text", [b"", b"hello", b"{", b'{"hook": 1, "hook": 2}', b"\xff\xfe{\x00}\x00"]
)
def test_no_json_is_refused(service: Asked, text: bytes) -> None:
    with pytest.raises(errors.BodyUnreadable):
        parse(service, text, 0.0)


@pytest.mark.parametrize("service", [CHART, ORDER])
@pytest.mark.parametrize("text", [b"[]", b"null", b'"order-sign"', b"1"])
def test_json_that_is_no_object_is_refused(service: Asked, text: bytes) -> None:
    with pytest.raises(errors.BodyNotObject):
        parse(service, text, 0.0)


@pytest.mark.parametrize(
    ("service", "hook"), [(CHART, "order-sign"), (ORDER, "patient-view"), (ORDER, "Order-Sign")]
)
def test_another_hook_is_refused(service: Asked, hook: str) -> None:
    with pytest.raises(errors.WrongHook):
        read(service, hook=hook)


@pytest.mark.parametrize("service", [CHART, ORDER])
@pytest.mark.parametrize("hook", [ABSENT, None, "", " "])
def test_a_missing_hook_is_taken_from_the_service(service: Asked, hook: Any) -> None:
    assert read(service, hook=hook).hook == service.hook


def test_an_odd_hook_lets_no_order_pass_unseen() -> None:
    assert read(ORDER, hook=5).draft_orders == [{"resource": {}}]
    with pytest.raises(errors.WrongHook):
        read(CHART, hook=5)


@pytest.mark.parametrize("service", [CHART, ORDER])
@pytest.mark.parametrize("context", [ABSENT, None, [], "lm-1"])
def test_context_is_needed(service: Asked, context: Any) -> None:
    with pytest.raises(errors.ContextMissing):
        read(service, context=context)


@pytest.mark.parametrize("patient", [ABSENT, None, "", "  ", 42, {"reference": "Patient/lm-1"}])
def test_chart_open_needs_a_patient(patient: Any) -> None:
    with pytest.raises(errors.PatientMissing):
        read(CHART, context__patientId=patient)


@pytest.mark.parametrize(
    "orders",
    [
        ABSENT,
        None,
        [],
        "Bundle",
        {},
        {"resourceType": "Bundle", "entry": {"0": {}}},
        {"entry": None},
        {"resourceType": "MedicationRequest", "entry": []},
        {"resourceType": "MedicationRequest", "id": "draft-1"},
    ],
)
def test_order_sign_needs_readable_draft_orders(orders: Any) -> None:
    with pytest.raises(errors.DraftOrdersMissing):
        read(ORDER, context__draftOrders=orders)


@pytest.mark.parametrize(
    ("orders", "entries"),
    [
        ({"resourceType": "Bundle", "entry": []}, []),
        ({"resourceType": "Bundle", "entry": None}, []),
        ({"resourceType": "Bundle"}, []),
        ({"resourceType": "bundle", "entry": [7]}, [7]),
        (
            {"entry": [{"resource": {"resourceType": "MedicationRequest"}}]},
            [{"resource": {"resourceType": "MedicationRequest"}}],
        ),
        ({"resourceType": None, "entry": [7]}, [7]),
        ({"resourceType": "Bundle", "type": 3, "entry": [None, "x"]}, [None, "x"]),
    ],
)
def test_draft_orders_are_read_leniently(orders: Any, entries: list[Any]) -> None:
    assert read(ORDER, context__draftOrders=orders).draft_orders == entries


@pytest.mark.parametrize(
    ("given", "bare"),
    [
        ("lm-1", "lm-1"),
        ("Patient/lm-1", "lm-1"),
        ("Patient/lm-1/_history/3", "lm-1"),
        ("A-b.9", "A-b.9"),
        ("x" * 64, "x" * 64),
    ],
)
@pytest.mark.parametrize("service", [CHART, ORDER])
def test_patient_id_is_read_bare(service: Asked, given: str, bare: str) -> None:
    call = read(service, context__patientId=given)
    assert (call.patient_id, call.queries_allowed) == (bare, True)


@pytest.mark.parametrize(
    "given", ["Group/1", "a b", "x" * 65, "..", ".", "Patient/", "lm-1?x=1", "a/b", "lm_1"]
)
@pytest.mark.parametrize("service", [CHART, ORDER])
def test_an_odd_patient_id_makes_queries_impossible(service: Asked, given: str) -> None:
    call = read(service, context__patientId=given)
    assert (call.patient_id, call.queries_allowed, call.why_not) == (
        None,
        False,
        Reason.NOT_ALLOWED,
    )


@pytest.mark.parametrize("given", [ABSENT, None, "", 42, ["lm-1"]])
def test_order_sign_is_read_without_a_patient_id(given: Any) -> None:
    call = read(ORDER, context__patientId=given)
    assert (call.patient_id, call.why_not, len(call.draft_orders)) == (None, Reason.NOT_ALLOWED, 1)


ODD_CALLS: list[dict[str, Any]] = [
    {"hookInstance": ABSENT},
    {"hookInstance": 7},
    {"hookInstance": ""},
    {"context__userId": ABSENT},
    {"context__userId": None},
    {"context__userId": {"reference": "Practitioner/p1"}},
    {"context__encounterId": 5},
    {"context__encounterId": ""},
    {"fhirAuthorization": "secret-token"},
    {"fhirAuthorization": []},
    {"fhirAuthorization": {}},
    *(
        {"fhirAuthorization": {k: v for k, v in AUTHORIZATION.items() if k != gone}}
        for gone in AUTHORIZATION
    ),
    {"fhirAuthorization": AUTHORIZATION | {"token_type": "Basic"}},
    {"fhirAuthorization": AUTHORIZATION | {"expires_in": "300"}},
    {"fhirAuthorization": AUTHORIZATION | {"expires_in": 0}},
    {"fhirAuthorization": AUTHORIZATION | {"expires_in": True}},
    {"fhirAuthorization": AUTHORIZATION | {"access_token": ""}},
    {"fhirAuthorization": AUTHORIZATION | {"access_token": "a\r\nX-Other: b"}},
    {"fhirAuthorization": AUTHORIZATION | {"patient": "somebody-else"}},
    {"fhirAuthorization": AUTHORIZATION | {"patient": 5}},
    {"fhirServer": 5},
    {"fhirServer": ""},
    {"fhirServer": {"url": "https://fhir.example/r4"}},
]


@pytest.mark.parametrize("service", [CHART, ORDER])
@pytest.mark.parametrize("changes", ODD_CALLS, ids=str)
def test_what_is_odd_makes_queries_impossible_never_the_call(
    service: Asked, changes: dict[str, Any]
) -> None:
    call = read(service, **changes)
    assert (call.queries_allowed, call.why_not) == (False, Reason.NOT_ALLOWED)
    assert call.patient_id == "lm-1"


def test_an_incomplete_authorization_gives_no_token() -> None:
    incomplete = {"access_token": "secret-token", "token_type": "Bearer"}
    assert read(ORDER, fhirAuthorization=incomplete).access_token is None


@pytest.mark.parametrize("server", [ABSENT, None])
def test_without_a_server_there_is_no_server(server: Any) -> None:
    call = read(CHART, fhirServer=server)
    assert (call.queries_allowed, call.why_not) == (False, Reason.NO_SERVER)


@pytest.mark.parametrize(
    "changes",
    [
        {"fhirAuthorization": ABSENT},
        {"fhirAuthorization": None},
        {"fhirAuthorization": AUTHORIZATION | {"token_type": "bearer"}},
        {"fhirAuthorization": AUTHORIZATION | {"patient": "Patient/lm-1"}},
        {"fhirAuthorization": AUTHORIZATION | {"patient": "lm-1", "need_patient_banner": True}},
        {"hookInstance": "not-a-uuid"},
        {"context__encounterId": ABSENT},
        {"context__encounterId": None},
        {"context__userId": "p1"},
        {"extension": {"com.example": {"x": None}}},
        {"unknown": [None, "", {}]},
    ],
    ids=str,
)
def test_what_does_not_matter(changes: dict[str, Any]) -> None:
    assert read(CHART, **changes).queries_allowed


@pytest.mark.parametrize("prefetch", [ABSENT, None, [], "x", 1])
def test_prefetch_that_is_no_object_is_none(prefetch: Any) -> None:
    assert read(CHART, prefetch=prefetch).prefetch == {}


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("Patient/1", True),
        ("RelatedPerson/1", True),
        ("https://fhir.example/r4/Patient/1", True),
        ("Practitioner/1", False),
        ("PractitionerRole/Patient", False),
        ("Patient", False),
        (None, False),
    ],
)
def test_patients_and_relatives_are_recognised(user: str | None, expected: bool) -> None:
    assert read(CHART, context__userId=user).user_is_patient_or_relative is expected
