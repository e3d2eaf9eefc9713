"""The sandbox FHIR server over HTTP: what a FHIR R4 client may rely on."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome
from flask.testing import FlaskClient

from cds_service.sandbox.repository import Repository

LOINC = "http://loinc.org"


def observation(number: int, patient: str = "a", **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"coding": [{"system": LOINC, "code": "777-3"}]},
        "effectiveDateTime": f"2026-01-{number:02}",
    } | members


def fill(repository: Repository, *resources: dict[str, Any]) -> None:
    for resource in resources:
        repository.update(resource["resourceType"], resource["id"], resource)


def ids(fhir: FlaskClient, query: str) -> list[str]:
    answer = fhir.get(f"/fhir/{query}")
    assert answer.status_code == 200, answer.json
    return [entry["resource"]["id"] for entry in answer.json.get("entry", [])]


def test_metadata_is_a_valid_capability_statement(fhir: FlaskClient) -> None:
    answer = fhir.get("/fhir/metadata")
    assert answer.mimetype == "application/fhir+json"
    CapabilityStatement.model_validate(answer.json)
    assert answer.json["fhirVersion"] == "4.0.1"
    condition = next(r for r in answer.json["rest"][0]["resource"] if r["type"] == "Condition")
    assert {"name": "patient", "type": "reference"} in condition["searchParam"]


def test_read_unknown_and_deleted(fhir: FlaskClient, repository: Repository) -> None:
    fill(repository, observation(1))
    assert fhir.get("/fhir/Observation/o1").json["id"] == "o1"
    assert fhir.get("/fhir/Observation/o2").status_code == 404
    assert fhir.delete("/fhir/Observation/o1").status_code == 204
    gone = fhir.get("/fhir/Observation/o1")
    assert gone.status_code == 410
    OperationOutcome.model_validate(gone.json)
    assert ids(fhir, "Observation?patient=a") == []


@pytest.mark.parametrize("path", ["Nonsense", "Nonsense/1", "Basic?patient=a"])
def test_unknown_type_is_404(fhir: FlaskClient, path: str) -> None:
    assert fhir.get(f"/fhir/{path}").status_code == 404


@pytest.mark.parametrize(
    "value", ["a", "Patient/a", "http://localhost/fhir/Patient/a", "b,a", "Patient/b,Patient/a"]
)
def test_patient_in_every_notation(fhir: FlaskClient, repository: Repository, value: str) -> None:
    fill(repository, observation(1), observation(2, "c"))
    fill(repository, observation(3, subject={"reference": "http://localhost/fhir/Patient/a"}))
    assert ids(fhir, f"Observation?patient={value}") == ["o1", "o3"]
    assert ids(fhir, f"Observation?subject={value}") == ["o1", "o3"]


@pytest.mark.parametrize("value", ["Group/a", "http://elsewhere.example/fhir/Patient/a", "A"])
def test_patient_is_not_somebody_else(
    fhir: FlaskClient, repository: Repository, value: str
) -> None:
    fill(repository, observation(1))
    assert ids(fhir, f"Observation?patient={value}") == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (f"{LOINC}|777-3", True),
        (f"{LOINC}%7C777-3", True),
        ("777-3", True),
        (f"{LOINC}|6301-6,{LOINC}|777-3", True),
        ("http://snomed.info/sct|777-3", False),
        ("|777-3", False),
        (f"{LOINC}|", True),
        ("777-30", False),
    ],
)
def test_token_notations(
    fhir: FlaskClient, repository: Repository, value: str, found: bool
) -> None:
    fill(repository, observation(1))
    assert ids(fhir, f"Observation?patient=a&code={value}") == (["o1"] if found else [])


def test_token_without_system(fhir: FlaskClient, repository: Repository) -> None:
    fill(repository, observation(1, code={"coding": [{"code": "PLT"}]}))
    assert ids(fhir, "Observation?code=|PLT") == ["o1"]


def test_repeated_parameters_must_both_hold(fhir: FlaskClient, repository: Repository) -> None:
    fill(repository, *map(observation, range(1, 6)))
    assert ids(fhir, "Observation?date=ge2026-01-02&date=le2026-01-03") == ["o2", "o3"]


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        ("2026-01-02", [2]),
        ("eq2026-01-02", [2]),
        ("ge2026-01-02", [2, 3]),
        ("gt2026-01-02", [3]),
        ("le2026-01-02", [1, 2]),
        ("lt2026-01-02", [1]),
        ("2026-01", [1, 2, 3]),
        ("ge2026", [1, 2, 3]),
        ("gt2026", []),
    ],
)
def test_dates(fhir: FlaskClient, repository: Repository, value: str, numbers: list[int]) -> None:
    fill(repository, *map(observation, range(1, 4)))
    fill(repository, observation(4, effectiveDateTime=None))
    assert ids(fhir, f"Observation?date={value}") == [f"o{number}" for number in numbers]


def test_date_of_a_time_counts_by_its_utc_day(fhir: FlaskClient, repository: Repository) -> None:
    fill(repository, observation(1, effectiveDateTime="2026-01-02T23:30:00-05:00"))
    assert ids(fhir, "Observation?date=2026-01-03") == ["o1"]


def test_open_period_reaches_into_the_future(fhir: FlaskClient, repository: Repository) -> None:
    period = {"start": "2025-03-01"}
    fill(repository, observation(1, effectiveDateTime=None, effectivePeriod=period))
    assert ids(fhir, "Observation?date=ge2026-01-01") == ["o1"]
    assert ids(fhir, "Observation?date=lt2025-03-01") == []


def test_sort_by_date_puts_undated_last(fhir: FlaskClient, repository: Repository) -> None:
    fill(repository, observation(2), observation(1), observation(3, effectiveDateTime=None))
    assert ids(fhir, "Observation?_sort=date") == ["o1", "o2", "o3"]
    assert ids(fhir, "Observation?_sort=-date") == ["o2", "o1", "o3"]
    assert ids(fhir, "Observation?_sort=-_id") == ["o3", "o2", "o1"]


@pytest.mark.parametrize(
    "query",
    [
        "Observation?foo=bar",
        "Observation?patient=",
        "Observation?code=a,,b",
        "Observation?date=yesterday",
        "Observation?date=2026-13-01",
        "Observation?date=ap2026-01-01",
        "Observation?date=9999-12-31",
        "Observation?code:in=x",
        "Observation?subject.name=x",
        "Observation?_sort=code",
        "Observation?_count=-1",
        "Observation?_count=many",
        "Observation?_include=Observation:subject",
        "AllergyIntolerance?subject=a",
    ],
)
def test_what_is_not_understood_is_400(fhir: FlaskClient, query: str) -> None:
    answer = fhir.get(f"/fhir/{query}")
    assert answer.status_code == 400
    OperationOutcome.model_validate(answer.json)


def test_errors_do_not_repeat_values(fhir: FlaskClient) -> None:
    for query in ("Observation?secret=1", "Observation?date=secret", "Observation/secret"):
        assert b"secret" not in fhir.get(f"/fhir/{query}").data


def test_pages_lead_to_every_resource_once(fhir: FlaskClient, repository: Repository) -> None:
    fill(repository, *map(observation, range(1, 8)))
    url, seen = "/fhir/Observation?patient=a&_count=3&_sort=-date", []
    pages = 0
    while url:
        bundle = fhir.get(url).json
        Bundle.model_validate(bundle)
        assert bundle["total"] == 7
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        assert "_count=3" in links["self"]
        url = links.get("next", "")
        if url:
            parts = urlsplit(url)
            assert parts.path == "/fhir"
            assert "patient" not in parts.query
        pages += 1
    assert pages == 3
    assert seen == [f"o{number}" for number in range(7, 0, -1)]


@pytest.mark.parametrize("token", ["x", "", "e30=", "WyJCYXNpYyIsW10sMF0="])
def test_unknown_page_is_410(fhir: FlaskClient, token: str) -> None:
    assert fhir.get(f"/fhir?_getpages={token}").status_code == 410


def test_count_zero_gives_the_total_alone(fhir: FlaskClient, repository: Repository) -> None:
    fill(repository, observation(1))
    bundle = fhir.get("/fhir/Observation?_count=0").json
    assert (bundle["total"], "entry" in bundle, len(bundle["link"])) == (1, False, 1)


def test_empty_answer_has_no_entry_member(fhir: FlaskClient) -> None:
    bundle = fhir.get("/fhir/Observation?patient=a").json
    Bundle.model_validate(bundle)
    assert bundle["total"] == 0
    assert "entry" not in bundle


@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationAdministration"])
def test_include_of_medications(fhir: FlaskClient, repository: Repository, kind: str) -> None:
    order = {
        "subject": {"reference": "Patient/a"},
        "medicationReference": {"reference": "Medication/m"},
    }
    fill(
        repository,
        {"resourceType": "Medication", "id": "m"},
        {"resourceType": kind, "id": "r1", **order},
        {"resourceType": kind, "id": "r2", **order},
    )
    bundle = fhir.get(f"/fhir/{kind}?patient=a&_include={kind}:medication").json
    modes = [(e["resource"]["id"], e["search"]["mode"]) for e in bundle["entry"]]
    assert modes == [("r1", "match"), ("r2", "match"), ("m", "include")]
    assert bundle["total"] == 2


def test_post_search_as_the_official_sandbox_sends_it(
    fhir: FlaskClient, repository: Repository
) -> None:
    fill(repository, observation(1), observation(2, "b"))
    headers = {"Accept": "application/json+fhir"}
    answer = fhir.post("/fhir/Observation/_search", data={"patient": "a"}, headers=headers)
    assert [entry["resource"]["id"] for entry in answer.json["entry"]] == ["o1"]
    wrong = fhir.post("/fhir/Observation/_search", json={"patient": "a"})
    assert wrong.status_code == 415


def test_full_url_and_self_link_are_absolute(fhir: FlaskClient, repository: Repository) -> None:
    fill(repository, observation(1))
    bundle = fhir.get(f"/fhir/Observation?code={LOINC}|777-3&_format=json").json
    assert bundle["entry"][0]["fullUrl"] == "http://localhost/fhir/Observation/o1"
    assert bundle["link"][0]["url"] == (
        "http://localhost/fhir/Observation?code=http://loinc.org%7C777-3"
    )


def test_create_update_and_versions(fhir: FlaskClient) -> None:
    created = fhir.post("/fhir/Patient", json={"resourceType": "Patient", "id": "ignored"})
    assert created.status_code == 201
    assert created.headers["Location"].endswith(f"/fhir/Patient/{created.json['id']}")
    assert created.json["id"] != "ignored"
    url = f"/fhir/Patient/{created.json['id']}"
    again = fhir.put(url, json=created.json | {"gender": "female"})
    assert (again.status_code, again.headers["ETag"]) == (200, 'W/"2"')
    assert fhir.get(url).json["gender"] == "female"
    assert fhir.get(url).json["meta"]["lastUpdated"] == "2026-11-21T12:00:00Z"


def test_update_creates_and_revives(fhir: FlaskClient) -> None:
    patient = {"resourceType": "Patient", "id": "12345"}
    assert fhir.put("/fhir/Patient/12345", json=patient).status_code == 201
    assert fhir.delete("/fhir/Patient/12345").status_code == 204
    assert fhir.put("/fhir/Patient/12345", json=patient).status_code == 201
    assert fhir.get("/fhir/Patient/12345").json["meta"]["versionId"] == "3"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("Patient/x", {"resourceType": "Patient", "id": "y"}),
        ("Patient/x", {"resourceType": "Patient"}),
        ("Patient/x", {"resourceType": "Condition", "id": "x"}),
        ("Patient/a_b", {"resourceType": "Patient", "id": "a_b"}),
        ("Patient/x", [1]),
    ],
)
def test_odd_updates_are_refused(fhir: FlaskClient, path: str, body: Any) -> None:
    assert fhir.put(f"/fhir/{path}", json=body).status_code == 400


def test_body_that_is_no_json_is_refused(fhir: FlaskClient) -> None:
    assert fhir.post("/fhir/Patient", data=b"{'a': 1}").status_code == 400


def test_stored_oddities_do_not_break_searches(fhir: FlaskClient, repository: Repository) -> None:
    odd: list[Any] = [None, 7, "x", [[]], {"coding": "x"}, {"coding": [3, None]}, {"reference": 4}]
    for number, value in enumerate(odd):
        members = {"subject": value, "code": value, "effectiveDateTime": value, "status": value}
        fill(repository, observation(number, **members))
    for query in ("patient=a", "code=x", "date=2026-01-01", "status=final", "_sort=date"):
        assert fhir.get(f"/fhir/Observation?{query}").status_code == 200
