"""fhir_search, fhir_query, fhir_answer: one query to its last page (recommendations.md, 1.9)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service import fhir_query
from cds_service.allowance import Allowance
from cds_service.deadline import Deadline
from cds_service.fhir_answer import read_page
from cds_service.fhir_client import FhirClient
from cds_service.fhir_search import FhirServer, QueryResult
from cds_service.fhir_visit import Visit
from cds_service.network_policy import LOOPBACK
from tests import fault_server as faults
from tests.fault_server import FaultServer, bundle, fault_server, outcome

QUERY = "Condition?patient=p1&_count=200"
MINE = {"resourceType": "Condition", "id": "c1"}


@pytest.fixture
def fhir() -> Iterator[FaultServer]:
    with fault_server() as running:
        yield running


@pytest.fixture(scope="module")
def client() -> Iterator[FhirClient]:
    opened = FhirClient(1_000_000, LOOPBACK)
    yield opened
    opened.close()


@pytest.fixture
def server(fhir: FaultServer, client: FhirClient) -> FhirServer:
    return FhirServer(visit(client), fhir.base, "token-1", Deadline(time.monotonic() + 5))


def visit(client: FhirClient, pages: int = 10, **limits: int) -> Visit:
    allowance = Allowance(pages, **limits)
    return Visit(client, "http://127.0.0.1/fhir", time.monotonic(), allowance, order=True)


def condition(number: int) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": f"c{number}"}


def ids(result: QueryResult) -> list[str]:
    return [entry.resource["id"] for page in result.pages for entry in page.entries]


def test_one_page(fhir: FaultServer, server: FhirServer) -> None:
    fhir.on("/Condition", faults.answer(bundle(condition(1), condition(2), total=2)))
    result = server.ask(QUERY)
    assert (ids(result), result.reasons, result.refused) == (["c1", "c2"], frozenset(), False)
    assert fhir.targets == ["/fhir/Condition?patient=p1&_count=200"]


def test_every_page_carries_the_token(fhir: FaultServer, server: FhirServer) -> None:
    base = fhir.base
    fhir.on("/Condition", faults.answer(bundle(condition(1), next=f"{base}?_getpages=a&n=1")))
    fhir.on("?_getpages=a&n=1", faults.answer(bundle(condition(2), next="?_getpages=a&n=2")))
    fhir.on("?_getpages=a&n=2", faults.answer(bundle(condition(3), total=3)))
    result = server.ask(QUERY)
    assert (ids(result), result.reasons, result.requests) == (["c1", "c2", "c3"], set(), 3)
    assert {r.headers.get("Authorization") for r in fhir.requests} == {"Bearer token-1"}


def test_total_of_the_first_page_counts_for_all_pages(
    fhir: FaultServer, server: FhirServer
) -> None:
    fhir.on("/Condition", faults.answer(bundle(condition(1), next="?page=2", total=3)))
    fhir.on("/Condition?page=2", faults.answer(bundle(condition(2))))
    assert server.ask(QUERY).reasons == {"truncated"}


@pytest.mark.parametrize(
    "link",
    [
        "http://other.example/fhir?page=2",
        "http://127.0.0.1:9/fhir?page=2",
        "/other?page=2",
        "https://127.0.0.1/fhir",
        "",
        " ",
        17,
        None,
        "Condition?patient=p1&_count=200",
    ],
)
def test_page_that_may_not_be_read(fhir: FaultServer, server: FhirServer, link: object) -> None:
    fhir.on("/Condition", faults.answer(bundle(condition(1), next="") | _next(link)))
    result = server.ask(QUERY)
    assert (ids(result), result.reasons) == (["c1"], {"truncated"})
    assert len(fhir.requests) == 1


def _next(link: object) -> dict[str, Any]:
    return {"link": [{"relation": "self", "url": "x"}, {"relation": "next", "url": link}]}


def test_pages_in_a_circle(fhir: FaultServer, server: FhirServer) -> None:
    fhir.on("/Condition", faults.answer(bundle(condition(1), next="?page=2")))
    fhir.on("/Condition?page=2", faults.answer(bundle(condition(2), next="?page=2")))
    result = server.ask(QUERY)
    assert (ids(result), result.reasons) == (["c1", "c2"], {"truncated"})
    assert len(fhir.requests) == 2


def test_endless_pages(fhir: FaultServer, server: FhirServer) -> None:
    fhir.on("", faults.endless_next)
    result = server.ask(QUERY)
    assert (len(ids(result)), result.reasons, len(fhir.requests)) == (11, {"truncated"}, 11)


def test_endless_pages_end_at_the_deadline(fhir: FaultServer, client: FhirClient) -> None:
    fhir.on("", faults.endless_next)
    deadline = Deadline(time.monotonic() + 0.2)
    result = FhirServer(visit(client, 1_000_000), fhir.base, None, deadline).ask(QUERY)
    assert result.reasons == {"truncated"}
    assert ids(result)
    assert time.monotonic() - deadline.at < 0.5


def test_pages_are_counted_for_the_whole_call(fhir: FaultServer, server: FhirServer) -> None:
    fhir.on("", faults.endless_next)
    server.ask(QUERY)
    second = server.ask("Procedure?patient=p1")
    assert (len(second.pages), second.reasons) == (1, {"truncated"})


def test_bytes_are_counted_for_the_whole_call(fhir: FaultServer, client: FhirClient) -> None:
    body = faults.bundle({"resourceType": "Condition", "id": "c1", "note": "x" * 1000})
    fhir.on("", faults.answer(body))
    size = len(json.dumps(body))
    deadline = Deadline(time.monotonic() + 5)
    one = FhirServer(visit(client, byte_count=2 * size - 1), fhir.base, None, deadline)
    assert one.ask(QUERY).reasons == frozenset()
    assert one.ask(QUERY).reasons == {"too-large"}
    two = FhirServer(visit(client, byte_count=2 * size), fhir.base, None, deadline)
    assert [two.ask(QUERY).reasons for _ in range(2)] == [frozenset()] * 2


def test_resources_are_counted_for_the_whole_call(fhir: FaultServer, client: FhirClient) -> None:
    fhir.on("", faults.answer(bundle(condition(1), condition(2), condition(3))))
    fhir.on("/Procedure", faults.answer(bundle(condition(4), next=f"{fhir.base}?page=2")))
    deadline = Deadline(time.monotonic() + 5)
    server = FhirServer(visit(client, resources=6), fhir.base, None, deadline)
    assert server.ask(QUERY).reasons == frozenset()
    later = server.ask("Procedure?patient=p1")  # one of three left, then a page of three
    assert (len(later.pages), later.reasons) == (1, {"truncated"})
    assert server.ask("Device?patient=p1").reasons == {"too-large"}


LATER = {
    "expired": faults.status(410),
    "broken": faults.status(503),
    "html": faults.html,
    "reset": faults.reset,
    "redirect": faults.redirect("/fhir/other"),
    "no bundle": faults.answer(condition(2)),
    "outcome": faults.answer(outcome("error")),
    "remark": faults.answer(outcome("information")),
    "null": faults.answer(None),
}


@pytest.mark.parametrize("behaviour", LATER.values(), ids=LATER)
def test_later_page_fails(
    fhir: FaultServer, server: FhirServer, behaviour: faults.Behaviour
) -> None:
    fhir.on("/Condition", faults.answer(bundle(condition(1), next=f"{fhir.base}?page=2")))
    fhir.on("?page=2", behaviour)
    result = server.ask(QUERY)
    assert (ids(result), result.reasons) == (["c1"], {"truncated"})


FIRST: dict[str, tuple[Any, list[str], set[str]]] = {
    "no entry": ({"resourceType": "Bundle"}, [], set()),
    "entry null": ({"resourceType": "Bundle", "entry": None}, [], set()),
    "empty entry": (bundle(entry=[], total=0), [], set()),
    "remark entry": (bundle(outcome("warning"), total=0), [], set()),
    "remark beside a match": (bundle(outcome("information"), MINE, total=1), ["c1"], set()),
    "only a remark": (outcome("information"), [], set()),
    "the resource itself": (MINE, ["c1"], set()),
    "absent total": (bundle(MINE), ["c1"], set()),
    "total below": (bundle(MINE, total=0), ["c1"], set()),
    "total above": (bundle(MINE, total=2), ["c1"], {"truncated"}),
    "same match twice": (bundle(MINE, MINE, total=2), ["c1", "c1"], {"truncated"}),
    "total of the wrong type": (bundle(MINE, total="7"), ["c1"], set()),
    "total true": (bundle(total=True), [], set()),
    "error entry": (bundle(outcome("error"), MINE), ["c1"], {"unreadable"}),
    "fatal entry": (bundle(outcome("fatal")), [], {"unreadable"}),
    "error": (outcome("error"), [], {"unreadable"}),
    "outcome without issues": ({"resourceType": "OperationOutcome"}, [], {"unreadable"}),
    "odd outcome": ({"resourceType": "OperationOutcome", "issue": ["x"]}, [], {"unreadable"}),
    "entry is text": (bundle(entry=["x", {"resource": MINE}]), ["c1"], {"unreadable"}),
    "entry is null": (bundle(entry=[None]), [], {"unreadable"}),
    "entry without resource": (bundle(entry=[{"fullUrl": "urn:x"}]), [], {"unreadable"}),
    "resource is a list": (bundle(entry=[{"resource": [MINE]}]), [], {"unreadable"}),
    "resource without type": (bundle(entry=[{"resource": {"id": "1"}}]), [], {"unreadable"}),
    "odd type": (bundle(entry=[{"resource": {"resourceType": [1]}}]), [], {"unreadable"}),
    "entry is an object": (bundle(entry={"resource": MINE}), [], {"unreadable"}),
    "link is an object": (bundle(MINE) | {"link": {"relation": "next"}}, ["c1"], {"unreadable"}),
    "other resource": ({"resourceType": "Patient", "id": "p1"}, [], {"unreadable"}),
    "object": ({"a": 1}, [], {"unreadable"}),
    "list": ([MINE], [], {"unreadable"}),
    "null": (None, [], {"unreadable"}),
    "text": ("Bundle", [], {"unreadable"}),
    "number": (1, [], {"unreadable"}),
    "bundle in a bundle": (bundle(bundle(MINE, total=1)), ["c1"], set()),
    "too many bundles": (bundle(bundle(bundle(bundle(bundle(MINE))))), [], {"unreadable"}),
    "cut bundle in a bundle": (bundle(bundle(MINE, total=2)), ["c1"], {"truncated"}),
    "next in a bundle in a bundle": (bundle(bundle(MINE, next="?x")), ["c1"], {"truncated"}),
}


@pytest.mark.parametrize(("value", "read", "reasons"), FIRST.values(), ids=FIRST)
def test_first_page(
    fhir: FaultServer, server: FhirServer, value: Any, read: list[str], reasons: set[str]
) -> None:
    fhir.on("/Condition", faults.answer(value))
    result = server.ask(QUERY)
    assert (ids(result), result.reasons, result.refused) == (read, reasons, False)


def test_included_entries_do_not_count_for_the_total(fhir: FaultServer, server: FhirServer) -> None:
    included = {
        "resource": {"resourceType": "Medication", "id": "m"},
        "search": {"mode": "include"},
    }
    remark = {"resource": outcome("warning"), "search": {"mode": "outcome"}}
    fhir.on(
        "/Condition", faults.answer(bundle(entry=[{"resource": MINE}, included, remark], total=2))
    )
    assert server.ask(QUERY).reasons == {"truncated"}


def test_status_inside_a_batch_answer(fhir: FaultServer, server: FhirServer) -> None:
    entry = {"resource": outcome("error"), "response": {"status": "403 Forbidden"}}
    fhir.on("/Condition", faults.answer(bundle(entry=[entry])))
    assert server.ask(QUERY).reasons == {"http-403"}


@pytest.mark.parametrize(
    ("status", "refused"),
    [(400, True), (404, True), (422, True), (401, False), (403, False), (410, False), (500, False)],
)
def test_refusal(fhir: FaultServer, server: FhirServer, status: int, refused: bool) -> None:
    fhir.on("/Condition", faults.status(status))
    result = server.ask(QUERY)
    assert (result.reasons, result.refused) == ({f"http-{status}"}, refused)
    assert len(fhir.requests) == 1


@pytest.mark.parametrize("kind", ["Observation", "DiagnosticReport"])
def test_newest_first_where_it_is_meaningful(
    fhir: FaultServer, server: FhirServer, kind: str
) -> None:
    fhir.on(f"/{kind}", faults.answer(bundle()))
    assert server.ask(f"{kind}?patient=p1&_count=200").reasons == set()
    assert fhir.targets == [f"/fhir/{kind}?patient=p1&_count=200&_sort=-date"]


def test_400_is_repeated_once_without_sort(fhir: FaultServer, server: FhirServer) -> None:
    fhir.on("/Observation", faults.answer(bundle({"resourceType": "Observation", "id": "o"})))
    fhir.on("/Observation?patient=p1&_sort", faults.status(400))
    result = server.ask("Observation?patient=p1")
    assert (ids(result), result.reasons) == (["o"], set())
    assert fhir.targets == [
        "/fhir/Observation?patient=p1&_sort=-date",
        "/fhir/Observation?patient=p1",
    ]


def test_400_twice_is_a_refusal(fhir: FaultServer, server: FhirServer) -> None:
    fhir.on("/Observation", faults.status(400))
    assert server.ask("Observation?patient=p1").refused
    assert len(fhir.requests) == 2


def test_other_statuses_are_not_repeated(fhir: FaultServer, server: FhirServer) -> None:
    fhir.on("/Observation", faults.status(404))
    assert server.ask("Observation?patient=p1").refused
    assert len(fhir.requests) == 1


def test_page_size_replaces_count(fhir: FaultServer, client: FhirClient) -> None:
    fhir.on("", faults.answer(bundle()))
    server = FhirServer(visit(client), fhir.base, None, Deadline(time.monotonic() + 5), 25)
    server.ask(QUERY)
    server.ask("Procedure?patient=p1")
    assert fhir.targets == ["/fhir/Condition?patient=p1&_count=25", "/fhir/Procedure?patient=p1"]


def test_encoding_and_patient() -> None:
    query = fhir_query.filled(
        "Observation?patient={{context.patientId}}&code=http://loinc.org|1-8,http://x y|2", "p.1-A"
    )
    assert fhir_query.address("http://h/fhir", query, None, sort=False) == (
        "http://h/fhir/Observation?patient=p.1-A&code=http://loinc.org%7C1-8,http://x%20y%7C2"
    )
    read = fhir_query.filled("Patient/{{context.patientId}}", "p1")
    assert fhir_query.address("http://h/fhir", read, 50, sort=False) == "http://h/fhir/Patient/p1"


@pytest.mark.parametrize(
    "odd", ["", " ", ".", "..", "a b", "a,b", "a|b", "a/b", "a&b=c", "é", "a\n", "x" * 129]
)
def test_odd_patient_is_never_asked_for(odd: str) -> None:
    with pytest.raises(ValueError, match="patient id"):
        fhir_query.filled("Observation?patient={{context.patientId}}", odd)


def test_empty_parameter_is_never_sent() -> None:
    with pytest.raises(ValueError, match="empty"):
        fhir_query.address("http://h", "Observation?patient=&code=1", None, sort=False)


def test_token_is_not_shown(server: FhirServer) -> None:
    assert "token-1" not in repr(server)


NAMES = (
    "resourceType entry resource link relation url total issue severity search mode response "
    "status id fullUrl"
)
WORDS = "Bundle OperationOutcome Patient next error include"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS.split()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(JSON)
def test_no_json_value_breaks_the_reading(value: Any) -> None:
    page = read_page({"resourceType": "Bundle", "entry": value})
    assert page is not None
    for entry in page.entries:
        assert isinstance(entry.resource["resourceType"], str)
