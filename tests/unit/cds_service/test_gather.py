"""gather: the whole record, from prefetch and real sockets (recommendations.md 1.9, S-05..S-12)."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds_service import references
from cds_service.config import Settings
from cds_service.deadline import Deadline
from cds_service.fhir_client import FhirClient
from cds_service.gather import Counts, gather
from cds_service.hook_call import HookCall
from cds_service.network_policy import LOOPBACK
from hooks.fhir import ServiceRequest
from hooks.record import DataNeed, Failure, PatientRecord, Reason
from tests import fault_server as faults
from tests.fault_server import FaultServer, answer, bundle, fault_server, outcome, status

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NEEDS_FILE = Path(__file__).parents[3] / "hooks/values/needs.yaml"


@dataclasses.dataclass(frozen=True)
class Service:
    needs: tuple[DataNeed, ...]


def _all_needs() -> tuple[DataNeed, ...]:
    rows = yaml.safe_load(NEEDS_FILE.read_text())["needs"]
    return tuple(
        DataNeed(
            key,
            row["resource_type"],
            row["query"],
            frozenset(row["hooks"]),
            tuple(row.get("fallbacks", ())),
        )
        for key, row in rows.items()
    )


EVERYTHING = Service(_all_needs())
TYPES = sorted({need.resource_type for need in EVERYTHING.needs})


def service(*keys: str) -> Service:
    return Service(tuple(need for need in EVERYTHING.needs if need.key in keys))


@pytest.fixture
def fhir() -> Iterator[FaultServer]:
    with fault_server() as running:
        running.on("", answer(bundle()))
        running.on("/Patient/p1", answer(PATIENT))
        yield running


@pytest.fixture(scope="module")
def client() -> Iterator[FhirClient]:
    opened = FhirClient(1_000_000, LOOPBACK)
    yield opened
    opened.close()


def settings(**changes: Any) -> Settings:
    sandbox = Settings.from_env({"LM_CDS_PROFILE": "sandbox"})
    return dataclasses.replace(sandbox, max_pages=10, **changes)


def call(fhir: FaultServer | None = None, **changes: Any) -> HookCall:
    plain = HookCall(
        hook="order-sign",
        service_id="lm-order-sign",
        hook_instance="7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10",
        patient_id="p1",
        user_id="Practitioner/d1",
        encounter_id=None,
        draft_orders=[],
        prefetch={},
        fhir_server=fhir.base if fhir else None,
        access_token=None,
        received=time.monotonic(),
        queries_allowed=fhir is not None,
        why_not=None if fhir else Reason.NO_SERVER,
    )
    return dataclasses.replace(plain, **changes)


def record_of(
    asked: HookCall,
    needs: Service,
    client: FhirClient,
    seconds: float = 3.0,
    counts: Counts | None = None,
    **limits: Any,
) -> PatientRecord:
    deadline = Deadline(asked.received + seconds)
    return gather(asked, needs, settings(**limits), client, deadline, NOW, counts)


def failures(record: PatientRecord) -> set[tuple[str, str]]:
    return {(failure.category, str(failure.reason)) for failure in record.failures}


def ids(record: PatientRecord, kind: str) -> list[str | None]:
    return [resource.id for resource in record.resources.get(kind, ())]


PATIENT = {"resourceType": "Patient", "id": "p1", "birthDate": "1968-04-02"}
MINE = {"reference": "Patient/p1"}


def resource(kind: str, own_id: str, **members: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": own_id, "subject": MINE, **members}


def empty_prefetch(*without: str) -> dict[str, Any]:
    empty = {need.key: None for need in EVERYTHING.needs if need.key not in without}
    return {**empty, "patient": PATIENT} if "patient" not in without else empty


# --- prefetch and queries (S-05..S-12) ---------------------------------------------------------


def test_s_08_null_for_every_key_asks_nothing(client: FhirClient, fhir: FaultServer) -> None:
    record = record_of(call(fhir, prefetch=empty_prefetch()), EVERYTHING, client)
    assert (failures(record), fhir.requests) == (set(), [])
    assert record.now == NOW
    assert record.patient_id == "p1"


@pytest.mark.parametrize("need", EVERYTHING.needs, ids=lambda need: need.key)
def test_s_06_missing_key_is_asked_for(
    client: FhirClient, fhir: FaultServer, need: DataNeed
) -> None:
    asked = call(fhir, prefetch=empty_prefetch(need.key))
    record = record_of(asked, EVERYTHING, client)
    query = need.query.replace("{{context.patientId}}", "p1").replace("|", "%7C")
    sort = "&_sort=-date" if need.resource_type in ("Observation", "DiagnosticReport") else ""
    assert fhir.targets == [f"/fhir/{query}{sort}"]
    assert failures(record) == set()


def test_everything_from_the_server(client: FhirClient, fhir: FaultServer) -> None:
    for need in EVERYTHING.needs[1:]:
        kind = need.resource_type
        found = resource(kind, f"{kind}-1", patient=MINE)
        fhir.on(f"/{kind}", answer(bundle(found)))
    counts = Counts()
    record = record_of(call(fhir), EVERYTHING, client, counts=counts)
    assert failures(record) == set()
    assert sorted(record.resources) == TYPES
    assert ids(record, "Observation") == ["Observation-1"]
    assert record.patient is not None
    assert (counts.requests, counts.defects, counts.foreign) == (13, [], 0)
    assert set(counts.milliseconds) == {need.key for need in EVERYTHING.needs}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "no-server"),
        ({"queries_allowed": True}, "no-server"),
        ({"fhir_server": "https://evil.example/r4", "queries_allowed": True}, "not-allowed"),
        ({"fhir_server": "https://evil.example/r4", "queries_allowed": False}, "no-server"),
        ({"why_not": Reason.NOT_ALLOWED}, "not-allowed"),
        ({"why_not": None}, "not-allowed"),
        ({"patient_id": None}, "no-server"),
        ({"patient_id": None, "why_not": Reason.NOT_ALLOWED}, "not-allowed"),
        ({"patient_id": "a,b", "queries_allowed": True, "why_not": None}, "not-allowed"),
    ],
)
def test_queries_that_are_impossible(
    client: FhirClient, changes: dict[str, Any], reason: str
) -> None:
    counts = Counts()
    record = record_of(call(**changes), EVERYTHING, client, counts=counts)
    assert failures(record) == {(kind, reason) for kind in TYPES}
    assert record.resources == {}
    assert counts == Counts()


def test_server_that_is_not_allowed_is_never_contacted(
    client: FhirClient, fhir: FaultServer
) -> None:
    asked = call(fhir)
    production = dataclasses.replace(settings(), profile="production", fhir_servers=())
    record = gather(asked, EVERYTHING, production, client, Deadline(asked.received + 3), NOW)
    assert failures(record) == {(kind, "not-allowed") for kind in TYPES}
    assert fhir.connections == 0


def test_without_patient_prefetched_data_belong_to_nobody(client: FhirClient) -> None:
    prefetch = {**empty_prefetch(), "conditions": bundle(resource("Condition", "c1"))}
    asked = call(patient_id=None, prefetch=prefetch, draft_orders=[_order("d1")])
    record = record_of(asked, EVERYTHING, client)
    assert record.resources == {}
    assert {kind for kind, _ in failures(record)} == {*TYPES, "Medication"}
    assert record.patient_id == ""
    assert not record.drafts[0].another_patient


def test_f_02_token_on_every_query(client: FhirClient, fhir: FaultServer) -> None:
    fhir.on("/Condition", answer(bundle(next="?page=2")))
    record_of(call(fhir, access_token="token-1"), EVERYTHING, client)
    assert len(fhir.requests) == 14
    assert {r.headers.get("Authorization") for r in fhir.requests} == {"Bearer token-1"}


def test_open_server_is_asked_without_token(client: FhirClient, fhir: FaultServer) -> None:
    record_of(call(fhir), EVERYTHING, client)
    assert all("Authorization" not in request.headers for request in fhir.requests)


def test_s_10_error_in_prefetch_is_asked_for(client: FhirClient, fhir: FaultServer) -> None:
    fhir.on("/Condition", answer(bundle(resource("Condition", "c1"))))
    prefetch = {**empty_prefetch(), "conditions": outcome("error")}
    record = record_of(call(fhir, prefetch=prefetch), EVERYTHING, client)
    assert (failures(record), ids(record, "Condition")) == (set(), ["c1"])
    without = record_of(call(prefetch=prefetch), EVERYTHING, client)
    assert failures(without) == {("Condition", "no-server")}


def test_s_12_pages_of_a_prefetched_bundle_are_read(client: FhirClient, fhir: FaultServer) -> None:
    first = bundle(resource("Condition", "c1"), next=f"{fhir.base}?_getpages=1", total=2)
    fhir.on("?_getpages=1", answer(bundle(resource("Condition", "c2"))))
    prefetch = {**empty_prefetch(), "conditions": first}
    counts = Counts()
    record = record_of(call(fhir, prefetch=prefetch), EVERYTHING, client, counts=counts)
    assert (failures(record), ids(record, "Condition")) == (set(), ["c1", "c2"])
    assert (fhir.targets, counts.foreign) == (["/fhir?_getpages=1"], 0)


@pytest.mark.parametrize(
    ("link", "behaviour"),
    [
        ("https://other.example/fhir?page=2", answer(bundle())),
        ("?page=2", status(410)),
        ("?page=2", faults.hang),
        ("", answer(bundle())),
    ],
)
def test_prefetched_pages_that_cannot_be_read(
    client: FhirClient, fhir: FaultServer, link: str, behaviour: faults.Behaviour
) -> None:
    fhir.on("", behaviour)
    page = bundle(resource("Condition", "c1"), next=link)
    asked = call(fhir, prefetch={**empty_prefetch(), "conditions": page})
    record = record_of(asked, EVERYTHING, client, seconds=0.3)
    assert (failures(record), ids(record, "Condition")) == ({("Condition", "truncated")}, ["c1"])


def test_prefetched_pages_without_a_server(client: FhirClient) -> None:
    page = bundle(resource("Condition", "c1"), next="?page=2")
    record = record_of(call(prefetch={**empty_prefetch(), "conditions": page}), EVERYTHING, client)
    assert (failures(record), ids(record, "Condition")) == ({("Condition", "truncated")}, ["c1"])


def test_foreign_keys_count_but_do_not_answer(client: FhirClient) -> None:
    prefetch = {"item1": PATIENT, "item2": bundle(resource("Condition", "c1"))}
    record = record_of(call(prefetch=prefetch), service("patient", "conditions"), client)
    assert failures(record) == {("Condition", "no-server")}
    assert ids(record, "Condition") == ["c1"]
    assert ids(record, "Patient") == ["p1"]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (answer({"resourceType": "Patient", "id": "p2"}), "unreadable"),
        (answer(bundle()), "unreadable"),
        (answer(outcome("warning")), "unreadable"),
        (answer({**PATIENT, "birthDate": 7}), "unreadable"),
        (status(404), "http-404"),
        (status(401), "http-401"),
        (faults.html, "not-json"),
    ],
)
def test_patient_that_is_not_obtained(
    client: FhirClient, fhir: FaultServer, behaviour: faults.Behaviour, reason: str
) -> None:
    fhir.on("/Patient/p1", behaviour)
    record = record_of(call(fhir), service("patient"), client)
    assert (failures(record), record.patient) == ({("Patient", reason)}, None)


def test_other_patients_in_an_answer_change_nothing(client: FhirClient, fhir: FaultServer) -> None:
    theirs = resource("Condition", "c2", subject={"reference": "Patient/p2"})
    fhir.on("/Condition", answer(bundle(resource("Condition", "c1"), theirs)))
    counts = Counts()
    record = record_of(call(fhir), service("conditions"), client, counts=counts)
    assert (failures(record), ids(record, "Condition")) == (set(), ["c1"])
    assert counts.foreign == 1


def test_same_resource_by_two_queries_counts_once(client: FhirClient, fhir: FaultServer) -> None:
    fhir.on("/Observation", answer(bundle(resource("Observation", "o1"))))
    record = record_of(call(fhir), service("labs", "examObservations"), client)
    assert ids(record, "Observation") == ["o1"]


def test_unreadable_resource(client: FhirClient, fhir: FaultServer) -> None:
    odd = resource("Condition", "c2", code="text")
    fhir.on("/Condition", answer(bundle(resource("Condition", "c1"), odd)))
    counts = Counts()
    record = record_of(call(fhir), service("conditions"), client, counts=counts)
    assert (failures(record), ids(record, "Condition")) == ({("Condition", "unreadable")}, ["c1"])
    assert counts.unreadable == 1


def test_several_reasons_of_one_category(client: FhirClient, fhir: FaultServer) -> None:
    fhir.on("/Observation?patient=p1&code=http://loinc.org%7C777-3", status(503))
    fhir.on("/Observation?patient=p1&category", faults.html)
    record = record_of(call(fhir), service("labs", "examObservations"), client)
    assert record.failures == (
        Failure("Observation", "http-503"),
        Failure("Observation", "not-json"),
    )


# --- refusals and fallbacks (data elements, section 2) ------------------------------------------


@pytest.mark.parametrize("code", [400, 404, 422])
def test_observation_fallback_by_category(client: FhirClient, fhir: FaultServer, code: int) -> None:
    fhir.on("/Observation", status(code))
    for name in ("laboratory", "exam", "survey", "imaging", "procedure"):
        category = f"http://terminology.hl7.org/CodeSystem/observation-category%7C{name}"
        target = f"/Observation?patient=p1&category={category}&"
        fhir.on(target, answer(bundle(resource("Observation", name))))
    needs = service("labs", "codedObservations", "examObservations")
    record = record_of(call(fhir), needs, client)
    assert failures(record) == set()
    names = ["exam", "imaging", "laboratory", "procedure", "survey"]
    assert sorted(ids(record, "Observation"), key=str) == names
    assert sum("&_count=200" in target and "," not in target for target in fhir.targets) == 5


@pytest.mark.parametrize("code", [401, 403, 429, 500, 503])
def test_other_statuses_have_no_fallback(client: FhirClient, fhir: FaultServer, code: int) -> None:
    fhir.on("/Observation", status(code))
    record = record_of(call(fhir), service("labs"), client)
    assert failures(record) == {("Observation", f"http-{code}")}
    assert len(fhir.requests) == 1


def test_failed_fallback_fails_the_need(client: FhirClient, fhir: FaultServer) -> None:
    fhir.on("/Observation", status(400))
    category = "http://terminology.hl7.org/CodeSystem/observation-category%7Cexam"
    target = f"/Observation?patient=p1&category={category}&"
    fhir.on(target, answer(bundle(resource("Observation", "o1"))))
    record = record_of(call(fhir), service("examObservations"), client)
    assert (failures(record), ids(record, "Observation")) == ({("Observation", "http-400")}, ["o1"])


def test_fallbacks_of_requests_and_procedures(client: FhirClient, fhir: FaultServer) -> None:
    for kind in ("MedicationRequest", "Procedure", "ServiceRequest"):
        fhir.on(f"/{kind}", status(400))
    fhir.on("/MedicationRequest?patient=p1&intent=order,original-order,plan", answer(bundle()))
    for kind in ("ServiceRequest", "Procedure"):
        fhir.on(f"/{kind}?patient=p1", _only_exact(f"/fhir/{kind}?patient=p1"))
    needs = service("medicationRequests", "procedures", "serviceRequests")
    assert failures(record_of(call(fhir), needs, client)) == set()
    assert len(fhir.requests) == 6


def _only_exact(target: str) -> faults.Behaviour:
    def behave(exchange: faults.Exchange) -> bool:
        return (answer(bundle()) if exchange.target == target else status(400))(exchange)

    return behave


def test_need_without_fallback(client: FhirClient, fhir: FaultServer) -> None:
    fhir.on("/Condition", status(403))
    record = record_of(call(fhir), service("conditions"), client)
    assert failures(record) == {("Condition", "http-403")}


def _report(*specimens: str, **members: Any) -> dict[str, Any]:
    found = [{"reference": reference} for reference in specimens]
    own = {"status": "final", "specimen": found, "code": {"text": "CSF cytology"}}
    return resource("DiagnosticReport", "r1", **{**own, **members})


def test_refused_specimens_are_read_by_the_references_of_the_reports(
    client: FhirClient, fhir: FaultServer
) -> None:
    fhir.on("/Specimen?", status(400))
    fhir.on("/DiagnosticReport", answer(bundle(_report("Specimen/s1"))))
    fhir.on("/Specimen/s1", answer(resource("Specimen", "s1")))
    record = record_of(call(fhir), service("reports", "specimens"), client)
    assert (failures(record), ids(record, "Specimen")) == (set(), ["s1"])
    assert record.specimens["Specimen/s1"].id == "s1"


def test_refused_specimens_fail_with_the_reports(client: FhirClient, fhir: FaultServer) -> None:
    fhir.on("/Specimen?", status(404))
    fhir.on("/DiagnosticReport", status(503))
    record = record_of(call(fhir), service("reports", "specimens"), client)
    assert failures(record) == {("Specimen", "http-404"), ("DiagnosticReport", "http-503")}


# --- references ---------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [403, 404, 410, 500])
def test_reported_specimen_that_cannot_be_read(
    client: FhirClient, fhir: FaultServer, code: int
) -> None:
    fhir.on("/DiagnosticReport", answer(bundle(_report("Specimen/s1"))))
    fhir.on("/Specimen/s1", status(code))
    record = record_of(call(fhir), service("reports", "specimens"), client)
    assert failures(record) == {("Specimen", f"http-{code}")}
    assert record.unresolved == {"Specimen/s1"}


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("https://other.example/fhir/Specimen/s1", "not-allowed"),
        ("urn:uuid:7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10", "unreadable"),
        ("Specimen/a b", "unreadable"),
        ("Specimen/..", "unreadable"),
        ("Substance/s1", "unreadable"),
    ],
)
def test_reference_that_cannot_be_followed(
    client: FhirClient, fhir: FaultServer, reference: str, reason: str
) -> None:
    fhir.on("/DiagnosticReport", answer(bundle(_report(reference))))
    record = record_of(call(fhir), service("reports", "specimens"), client)
    assert failures(record) == {("Specimen", reason)}
    assert len(fhir.requests) == 2


@pytest.mark.parametrize(
    "found",
    [
        resource("Specimen", "s1", subject={"reference": "Patient/p2"}),
        resource("Specimen", "s2"),
        {"resourceType": "Medication", "id": "s1"},
        resource("Specimen", "s1", type="text"),
    ],
)
def test_wrong_specimen(client: FhirClient, fhir: FaultServer, found: Any) -> None:
    fhir.on("/DiagnosticReport", answer(bundle(_report("Specimen/s1"))))
    fhir.on("/Specimen/s1", answer(found))
    record = record_of(call(fhir), service("reports", "specimens"), client)
    assert failures(record) == {("Specimen", "unreadable")}


def test_specimens_that_need_no_reading(client: FhirClient, fhir: FaultServer) -> None:
    entries = [
        {"resource": _report("#inside", "Specimen/s1", f"{fhir.base}/Specimen/s1/_history/2")},
        {"resource": _report("Specimen/void", id="r2", status="cancelled")},
        {"resource": _report(id="r3", specimen=[{"display": "CSF"}])},
    ]
    fhir.on("/DiagnosticReport", answer(bundle(entry=entries)))
    fhir.on("/Specimen?", answer(bundle(resource("Specimen", "s1"))))
    record = record_of(call(fhir), service("reports", "specimens"), client)
    assert (failures(record), len(fhir.requests)) == (set(), 2)
    keys = {"Specimen/s1", f"{fhir.base}/Specimen/s1/_history/2"}
    assert set(record.specimens) == keys
    assert record.unresolved == frozenset()


def test_specimen_of_an_observation(client: FhirClient, fhir: FaultServer) -> None:
    cytology = {"coding": [{"system": "http://loinc.org", "code": "10525-4"}]}
    specimen = {"reference": "Specimen/s1"}
    found = resource("Observation", "o1", status="final", code=cytology, specimen=specimen)
    fhir.on("/Observation", answer(bundle(found)))
    fhir.on("/Specimen/s1", answer(resource("Specimen", "s1")))
    record = record_of(call(fhir), service("labs"), client)
    assert (failures(record), list(record.specimens)) == (set(), ["Specimen/s1"])


def test_reported_specimen_without_a_server(client: FhirClient) -> None:
    prefetch = {**empty_prefetch(), "reports": bundle(_report("Specimen/s1"))}
    record = record_of(call(prefetch=prefetch), EVERYTHING, client)
    assert failures(record) == {("Specimen", "no-server")}


def test_many_references_are_read_up_to_a_limit(
    client: FhirClient, fhir: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(references, "MOST_READS", 3)
    fhir.on("/DiagnosticReport", answer(bundle(_report(*(f"Specimen/s{n}" for n in range(5))))))
    for number in range(5):
        fhir.on(f"/Specimen/s{number}", answer(resource("Specimen", f"s{number}")))
    record = record_of(call(fhir), service("reports"), client)
    assert (failures(record), len(record.specimens)) == ({("Specimen", "truncated")}, 3)


def _order(own_id: str | None, reference: str = "Medication/m1", **members: Any) -> dict[str, Any]:
    order = {
        "resourceType": "MedicationRequest",
        "id": own_id,
        "status": "draft",
        "subject": MINE,
        "medicationReference": {"reference": reference},
        **members,
    }
    return {"resource": {name: value for name, value in order.items() if value is not None}}


DRUG = {"resourceType": "Medication", "id": "m1", "code": {"text": "methotrexate"}}


def drafts(
    client: FhirClient, entries: Sequence[Any], fhir: FaultServer | None = None, **changes: Any
) -> PatientRecord:
    asked = call(fhir, draft_orders=list(entries), prefetch=empty_prefetch(), **changes)
    return record_of(asked, EVERYTHING, client)


def test_drug_in_the_draft_orders(client: FhirClient) -> None:
    record = drafts(client, [_order("d1"), {"resource": DRUG}])
    assert [draft.label for draft in record.drafts] == ["MedicationRequest/d1"]
    assert record.medications["Medication/m1"].code
    assert failures(record) == set()


def test_drug_in_the_draft_orders_by_urn(client: FhirClient) -> None:
    urn = "urn:uuid:7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10"
    nameless = {"resourceType": "Medication", "code": {"text": "methotrexate"}}
    record = drafts(client, [_order("d1", urn), {"fullUrl": urn, "resource": nameless}])
    assert (set(record.medications), failures(record)) == ({urn}, set())


def test_drug_on_the_server(client: FhirClient, fhir: FaultServer) -> None:
    fhir.on("/Medication/m1", answer(DRUG))
    entries = [_order("d1"), _order("d2", f"{fhir.base}/Medication/m1")]
    record = drafts(client, entries, fhir)
    assert failures(record) == set()
    assert set(record.medications) == {"Medication/m1", f"{fhir.base}/Medication/m1"}
    assert fhir.targets == ["/fhir/Medication/m1"]


def test_drug_that_cannot_be_resolved(client: FhirClient, fhir: FaultServer) -> None:
    fhir.on("/Medication/m1", status(404))
    assert failures(drafts(client, [_order("d1")], fhir)) == {("Medication", "http-404")}
    assert failures(drafts(client, [_order("d1")])) == {("Medication", "no-server")}


def test_display_stands_for_a_drug_that_cannot_be_resolved(
    client: FhirClient, fhir: FaultServer
) -> None:
    fhir.on("/Medication/m1", status(404))
    named = {"reference": "Medication/m1", "display": "methotrexate"}
    record = drafts(client, [_order("d1", medicationReference=named)], fhir)
    assert failures(record) == set()
    assert record.unresolved == {"Medication/m1"}
    both = [_order("d1", medicationReference=named), _order("d2")]
    assert failures(drafts(client, both, fhir)) == {("Medication", "http-404")}


def test_concept_or_contained_drug_needs_no_reading(client: FhirClient, fhir: FaultServer) -> None:
    entries = [
        _order("d1", "#inside", contained=[{"resourceType": "Medication", "id": "inside"}]),
        _order("d2", medicationCodeableConcept={"text": "methotrexate"}),
        _order("d3", medicationReference={"display": "methotrexate"}),
    ]
    assert failures(drafts(client, entries, fhir)) == set()
    assert fhir.requests == []


def test_drugs_of_requests_and_administrations(client: FhirClient, fhir: FaultServer) -> None:
    def taking(kind: str, own_id: str, state: str, drug: str) -> dict[str, Any]:
        reference = {"reference": f"Medication/{drug}"}
        return resource(kind, own_id, status=state, medicationReference=reference)

    fhir.on(
        "/MedicationRequest",
        answer(
            bundle(
                taking("MedicationRequest", "a", "active", "m1"),
                taking("MedicationRequest", "b", "stopped", "ignored"),
                {"resourceType": "Medication", "id": "included", "code": {"text": "x"}},
                taking("MedicationRequest", "c", "draft", "included"),
            )
        ),
    )
    fhir.on(
        "/MedicationAdministration",
        answer(
            bundle(
                taking("MedicationAdministration", "d", "completed", "m2"),
                taking("MedicationAdministration", "e", "entered-in-error", "ignored"),
            )
        ),
    )
    fhir.on("/Medication/m1", answer(DRUG))
    fhir.on("/Medication/m2", answer({**DRUG, "id": "m2"}))
    needs = service("medicationRequests", "medicationAdministrations")
    record = record_of(call(fhir), needs, client)
    assert failures(record) == set()
    assert set(record.medications) == {"Medication/m1", "Medication/m2", "Medication/included"}
    assert len(fhir.requests) == 4


# --- draft orders -------------------------------------------------------------------------------


def test_draft_orders_of_any_status_and_their_labels(client: FhirClient) -> None:
    concept = {"medicationCodeableConcept": {"text": "methotrexate"}}
    entries = [
        _order("d1", status="active", **concept),
        _order(None, **concept),
        {"resource": resource("ServiceRequest", "s1")},
        {"resource": {"resourceType": "NutritionOrder", "id": "n1"}},
        _order("not an id", **concept),
    ]
    record = drafts(client, entries)
    assert [draft.label for draft in record.drafts] == [
        "MedicationRequest/d1",
        "draft order 2",
        "draft order 5",
    ]
    asked = [entries[position]["resource"] for position in (0, 1, 4)]
    assert [draft.raw for draft in record.drafts] == asked
    assert all(draft.resource for draft in record.drafts)
    assert [request.id for request in record.of(ServiceRequest)] == ["s1"]


def test_service_requests_among_the_draft_orders_are_those_of_the_patient(
    client: FhirClient,
) -> None:
    urn = "urn:uuid:7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10"
    subjects = [MINE, {"reference": urn}, {"reference": "Patient/p2"}, {"reference": "Patient/"}]
    entries = [{"fullUrl": urn, "resource": PATIENT}] + [
        {"resource": resource("ServiceRequest", f"s{number}", subject=subject)}
        for number, subject in enumerate(subjects)
    ]
    assert ids(drafts(client, entries), "ServiceRequest") == ["s0", "s1", "s3"]
    assert drafts(client, entries, patient_id=None).resources == {}


UNREADABLE = {
    "text": "MedicationRequest/d1",
    "null": None,
    "list": [],
    "no resource": {"fullUrl": "urn:uuid:1"},
    "resource null": {"resource": None},
    "no type": {"resource": {"id": "d1"}},
    "odd type": {"resource": {"resourceType": 7}},
    "odd dosage": _order("d1", dosageInstruction="text"),
    "odd medication": _order("d1", medicationCodeableConcept="text"),
    "odd id": _order("d1") | {"resource": {"resourceType": "MedicationRequest", "id": 7}},
    "error": {"resource": outcome("error")},
    "bundle": {"resource": bundle(_order("d1")["resource"])},
}


@pytest.mark.parametrize("entry", UNREADABLE.values(), ids=UNREADABLE)
def test_draft_order_that_cannot_be_read(client: FhirClient, entry: Any) -> None:
    readable = _order("d2", medicationCodeableConcept={"text": "methotrexate"})
    first, second = drafts(client, [entry, readable]).drafts
    assert (first.resource, first.another_patient) == (None, False)
    assert isinstance(first.raw, dict)
    assert second.resource is not None


@pytest.mark.parametrize(
    ("subject", "another"),
    [
        (MINE, False),
        (None, False),
        ({"display": "somebody"}, False),
        ({"reference": "urn:uuid:me"}, False),
        ({"reference": "urn:uuid:unknown"}, True),
        ({"reference": "Patient/p2"}, True),
        ({"reference": "https://other.example/fhir/Patient/p2"}, True),
    ],
)
def test_draft_order_of_another_patient(client: FhirClient, subject: Any, another: bool) -> None:
    concept = {"medicationCodeableConcept": {"text": "methotrexate"}}
    me = {"fullUrl": "urn:uuid:me", "resource": PATIENT}
    (draft,) = drafts(client, [_order("d1", subject=subject, **concept), me]).drafts
    assert draft.another_patient is another
    assert draft.resource is not None


def test_unreadable_drug_in_the_draft_orders(client: FhirClient) -> None:
    record = drafts(client, [_order("d1"), {"resource": {**DRUG, "code": "text"}}])
    assert ("Medication", "unreadable") in failures(record)
    assert record.medications == {}


# --- time ---------------------------------------------------------------------------------------

FAULTS = {
    "hang": (faults.hang, "timeout"),
    "drip headers": (faults.drip_headers, "timeout"),
    "drip body": (faults.drip_body, "timeout"),
    "reset": (faults.reset, "connection"),
    "truncated": (faults.truncated(bundle()), "connection"),
    "redirect": (faults.redirect("http://127.0.0.1:9/"), "redirect"),
    "401": (status(401), "http-401"),
    "429": (status(429), "http-429"),
    "503": (status(503), "http-503"),
    "html": (faults.html, "not-json"),
    "huge": (faults.huge(50_000_000, announced=False), "too-large"),
    "gzip bomb": (faults.gzip_bomb(5_000_000), "not-json"),
    "foreign next": (answer(bundle(next="http://10.0.0.1/fhir?page=2")), "truncated"),
    "endless next": (faults.endless_next, "truncated"),
    "error": (answer(outcome("error")), "unreadable"),
    "slow": (answer(bundle(), after=5), "timeout"),
}


@pytest.mark.parametrize(("behaviour", "reason"), FAULTS.values(), ids=FAULTS)
def test_one_bad_source_of_many(
    client: FhirClient, fhir: FaultServer, behaviour: faults.Behaviour, reason: str
) -> None:
    fhir.on("/Condition", behaviour)
    fhir.on("?_getpages", faults.endless_next)
    asked = call(fhir)
    record = record_of(asked, EVERYTHING, client, seconds=0.3)
    assert time.monotonic() - asked.received < 0.8
    assert failures(record) == {("Condition", reason)}
    assert record.patient is not None


def test_everything_hangs(client: FhirClient, fhir: FaultServer) -> None:
    fhir.on("", faults.hang)
    fhir.on("/Patient/p1", faults.hang)
    before = threading.active_count()
    asked = call(fhir)
    record = record_of(asked, EVERYTHING, client, seconds=0.3)
    assert time.monotonic() - asked.received < 0.8
    assert failures(record) == {(kind, "timeout") for kind in TYPES}
    assert threading.active_count() <= before + 13 + 13  # ours stay for the next call, and theirs


def test_more_queries_than_threads(fhir: FaultServer) -> None:
    few = FhirClient(1_000_000, LOOPBACK, workers=2)
    fhir.on("", answer(bundle(), after=0.05))
    fhir.on("/Condition", faults.hang)
    asked = call(fhir)
    record = record_of(asked, EVERYTHING, few, seconds=0.3)
    assert time.monotonic() - asked.received < 0.8
    assert ("Condition", "timeout") in failures(record)
    few.close()


def test_nothing_is_asked_after_the_deadline(client: FhirClient, fhir: FaultServer) -> None:
    record = record_of(call(fhir), EVERYTHING, client, seconds=-1)
    assert failures(record) == {(kind, "timeout") for kind in TYPES}
    assert fhir.requests == []


def test_defect_in_a_thread_fails_one_query(
    client: FhirClient, fhir: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(url: str, *_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(client, "get", broken)
    counts = Counts()
    record = record_of(call(fhir), service("conditions"), client, counts=counts)
    assert failures(record) == {("Condition", "unreadable")}
    assert counts.defects == ["ZeroDivisionError"]


def test_thirteen_slow_queries_take_as_long_as_one(client: FhirClient, fhir: FaultServer) -> None:
    fhir.on("", answer(bundle(), after=0.05))
    fhir.on("/Patient/p1", answer(PATIENT, after=0.05))
    durations = []
    for _ in range(5):
        asked = call(fhir)
        assert record_of(asked, EVERYTHING, client).failures == ()
        durations.append(time.monotonic() - asked.received)
    assert len(fhir.requests) == 65
    assert fhir.connections == 13
    assert min(durations) < 0.3


def test_two_patients_at_once_do_not_mix(client: FhirClient, fhir: FaultServer) -> None:
    for patient in ("p1", "p2"):
        mine = {"reference": f"Patient/{patient}"}
        fhir.on(f"/Patient/{patient}", answer({**PATIENT, "id": patient}, after=0.01))
        found = resource("Condition", f"of-{patient}", subject=mine)
        fhir.on(f"/Condition?patient={patient}", answer(bundle(found), after=0.01))
    seen: list[tuple[str, list[str | None]]] = []

    def ask(patient: str) -> None:
        record = record_of(call(fhir, patient_id=patient, access_token=patient), EVERYTHING, client)
        seen.append((patient, ids(record, "Condition")))

    running = [threading.Thread(target=ask, args=(f"p{n % 2 + 1}",)) for n in range(8)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert sorted(seen) == [("p1", ["of-p1"])] * 4 + [("p2", ["of-p2"])] * 4
    for request in fhir.requests:
        assert request.headers["Authorization"].removeprefix("Bearer ") in request.target


UNNAMED = [
    {},
    {"medicationCodeableConcept": {}},
    {"medicationReference": {}},
    {"medicationReference": {"reference": ""}},
    {"medicationReference": {"identifier": {"value": "x"}}},
    {"medicationReference": {"reference": "#m"}},
    {"medicationReference": {"reference": "#m"}, "contained": [{"resourceType": "Medication"}]},
]


@pytest.mark.parametrize("drug", UNNAMED)
@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationAdministration"])
def test_a_drug_that_nothing_names_is_a_failure(
    client: FhirClient, kind: str, drug: dict[str, Any]
) -> None:
    key = {"MedicationRequest": "medicationRequests"}.get(kind, "medicationAdministrations")
    state = "active" if kind == "MedicationRequest" else "completed"
    entry = resource(kind, "x", status=state, **drug)
    record = record_of(
        call(prefetch={**empty_prefetch(), key: bundle(entry)}), service(key), client
    )
    assert failures(record) == {("Medication", "unreadable")}


def test_an_unreadable_contained_drug_makes_its_request_unreadable(client: FhirClient) -> None:
    broken = {"resourceType": "Medication", "id": "m", "code": {"text": ["x"]}}
    entry = resource("MedicationRequest", "x", status="active", contained=[broken])
    key = "medicationRequests"
    record = record_of(
        call(prefetch={**empty_prefetch(), key: bundle(entry)}), service(key), client
    )
    assert failures(record) == {("MedicationRequest", "unreadable")}


def test_an_answer_of_other_types_is_no_answer(client: FhirClient, fhir: FaultServer) -> None:
    fhir.on("/Condition", answer(bundle(resource("Observation", "o1", status="final"))))
    record = record_of(call(fhir), service("conditions"), client)
    assert failures(record) == {("Condition", "unreadable")}


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"tag": [{"code": "SUBSETTED"}]}, {("Condition", "truncated")}),
        ({"tag": [{"code": "other"}]}, set()),
        ({"tag": "SUBSETTED"}, set()),
        ("SUBSETTED", set()),
    ],
)
def test_a_resource_that_the_server_cut_is_named(
    client: FhirClient, meta: Any, expected: set[tuple[str, str]]
) -> None:
    prefetch = {**empty_prefetch(), "conditions": bundle(resource("Condition", "c", meta=meta))}
    record = record_of(call(prefetch=prefetch), service("conditions"), client)
    assert (failures(record), ids(record, "Condition")) == (expected, ["c"])
