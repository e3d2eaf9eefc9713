"""The whole sandbox on a socket: the service asks the embedded FHIR server for everything."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time
from typing import Any

import pytest
import requests

import fhir_fixtures
from cds_service.sandbox.example_calls import example_call
from tests.live import application, settings

NOW = datetime.combine(fhir_fixtures.REFERENCE_DATE, time(9), UTC)
CALLS = [(service, story) for story in fhir_fixtures.stories() for service in story.expected]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with application(settings(tmp_path_factory.mktemp("sockets"), NOW)) as url:
        yield url


def items(answer: Any) -> list[tuple[str, str]]:
    return [
        (item["id"], item["indicator"])
        for card in answer["cards"]
        for name, value in card["extension"].items()
        if name.endswith(".recommendations")
        for item in value
    ]


@pytest.mark.parametrize(
    ("service", "story"), CALLS, ids=lambda value: getattr(value, "name", value)
)
def test_every_story_answers_the_same_from_the_fhir_server(
    base: str, service: str, story: fhir_fixtures.Story
) -> None:
    server = f"{base}/fhir"
    body = example_call(story.name, service, NOW, prefetch=False, fhir_server=server)
    answer = requests.post(f"{base}/cds-services/{service}", json=body, timeout=10)
    assert sorted(items(answer.json())) == sorted(story.expected[service])
    explained = requests.post(f"{base}/sandbox/explain/{service}", json=body, timeout=10)
    assert explained.json()["failures"] == []


def test_browser_clients_of_the_fhir_server_are_allowed(base: str) -> None:
    origin = {"Origin": "https://sandbox.cds-hooks.org"}
    answer = requests.get(f"{base}/fhir/Patient", headers=origin, timeout=10)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://sandbox.cds-hooks.org"
    assert answer.json()["total"] == len(fhir_fixtures.stories())
    asked = origin | {"Access-Control-Request-Method": "POST"}
    preflight = requests.options(f"{base}/fhir/Condition/_search", headers=asked, timeout=10)
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]


def test_clients_in_parallel_see_their_own_writes(base: str) -> None:
    def write_and_read(number: int) -> bool:
        patient = {"resourceType": "Patient", "id": f"parallel-{number}"}
        url = f"{base}/fhir/Patient/parallel-{number}"
        created = requests.put(url, json=patient, timeout=10)
        return created.ok and requests.get(url, timeout=10).json()["id"] == patient["id"]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(40)))
    requests.delete(f"{base}/fhir/Patient/parallel-0", timeout=10)
    assert requests.get(f"{base}/fhir/Patient/parallel-0", timeout=10).status_code == 410
