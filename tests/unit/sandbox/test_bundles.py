"""Transaction and batch Bundles posted to the sandbox FHIR server."""

from __future__ import annotations

from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from flask.testing import FlaskClient

from cds_service.sandbox.repository import Repository


def entry(method: str, url: str, resource: Any = None, **members: Any) -> dict[str, Any]:
    body = {} if resource is None else {"resource": resource}
    return {"request": {"method": method, "url": url}, **body, **members}


def patient(logical_id: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": logical_id}


def post(fhir: FlaskClient, kind: str, *entries: Any) -> Any:
    bundle = {"resourceType": "Bundle", "type": kind, "entry": list(entries)}
    return fhir.post("/fhir", json=bundle)


def test_transaction_puts_and_deletes(fhir: FlaskClient, repository: Repository) -> None:
    repository.update("Patient", "old", patient("old"))
    answer = post(
        fhir,
        "transaction",
        entry("PUT", "Patient/new", patient("new")),
        entry("DELETE", "Patient/old"),
    )
    Bundle.model_validate(answer.json)
    assert [e["response"]["status"] for e in answer.json["entry"]] == [
        "201 Created",
        "204 No Content",
    ]
    assert fhir.get("/fhir/Patient/new").status_code == 200
    assert fhir.get("/fhir/Patient/old").status_code == 410


def test_transaction_is_all_or_nothing(fhir: FlaskClient, repository: Repository) -> None:
    repository.update("Patient", "old", patient("old"))
    answer = post(
        fhir,
        "transaction",
        entry("DELETE", "Patient/old"),
        entry("PUT", "Patient/a", patient("a")),
        entry("PUT", "Patient/b", patient("c")),
    )
    assert answer.status_code == 400
    assert fhir.get("/fhir/Patient/a").status_code == 404
    assert fhir.get("/fhir/Patient/old").status_code == 200


def test_batch_entries_stand_alone(fhir: FlaskClient) -> None:
    answer = post(
        fhir,
        "batch",
        entry("PUT", "Patient/a", patient("a")),
        entry("PUT", "Patient/b", patient("c")),
        entry("PUT", "Nonsense/b", patient("b")),
        7,
    )
    Bundle.model_validate(answer.json)
    statuses = [e["response"]["status"] for e in answer.json["entry"]]
    assert statuses == ["201 Created", "400", "404", "400"]
    assert fhir.get("/fhir/Patient/a").status_code == 200


def test_created_entries_are_found_by_their_urn(fhir: FlaskClient) -> None:
    urn = "urn:uuid:6d3a1f0e-5a55-4f3c-9a7e-1c2b3d4e5f60"
    condition = {"resourceType": "Condition", "subject": {"reference": urn}}
    answer = post(
        fhir,
        "transaction",
        entry("POST", "Condition", condition),
        entry("POST", "Patient", {"resourceType": "Patient"}, fullUrl=urn),
    )
    location = answer.json["entry"][1]["response"]["location"]
    new_patient = location.partition("/_history")[0]
    found = fhir.get(f"/fhir/Condition?patient={new_patient}").json
    assert found["total"] == 1


@pytest.mark.parametrize(
    "bad",
    [
        entry("PATCH", "Patient/a", patient("a")),
        entry("PUT", "Patient?identifier=x", patient("a")),
        entry("GET", "Patient/a"),
        {"resource": patient("a")},
    ],
)
def test_unsupported_entries_are_refused(fhir: FlaskClient, bad: dict[str, Any]) -> None:
    assert post(fhir, "transaction", bad).status_code == 400


@pytest.mark.parametrize("kind", ["searchset", "collection", "document"])
def test_other_bundles_are_refused(fhir: FlaskClient, kind: str) -> None:
    assert post(fhir, kind).status_code == 400
