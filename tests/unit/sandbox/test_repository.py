"""The store of the sandbox FHIR server: versions, limits, threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cds_service.sandbox import repository as module
from cds_service.sandbox.outcome import FhirError
from cds_service.sandbox.repository import Repository


def patient(logical_id: str) -> dict[str, str]:
    return {"resourceType": "Patient", "id": logical_id}


def test_writers_in_many_threads_lose_nothing(repository: Repository) -> None:
    def write(number: int) -> None:
        repository.create("Patient", {})
        repository.update("Patient", "same", {"number": number})
        assert all(found["resourceType"] == "Patient" for found in repository.all("Patient"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(200)))
    assert repository.count() == 201
    assert repository.read("Patient", "same")["meta"]["versionId"] == "200"


def test_a_full_store_refuses_new_resources_only(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.update("Patient", "a", patient("a"))
    monkeypatch.setattr(module, "MAX_RESOURCES", 1)
    with pytest.raises(FhirError) as refused:
        repository.update("Patient", "b", patient("b"))
    assert refused.value.status == 507
    repository.update("Patient", "a", patient("a"))


def test_a_stored_resource_is_not_the_callers(repository: Repository) -> None:
    given = {"resourceType": "Patient", "meta": {"tag": [{"code": "x"}]}}
    stored, is_new = repository.update("Patient", "a", given)
    assert is_new
    assert "id" not in given
    assert stored["meta"]["tag"] == [{"code": "x"}]
