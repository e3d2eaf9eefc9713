"""The published example calls: requests are what the fixtures make, answers are what they say.

Regenerate with `python -m tests.tools.write_golden` and read the difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

import fhir_fixtures
from tests.tools import write_golden

CALLS = list(write_golden.calls())


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with write_golden.client(tmp_path_factory.mktemp("golden")) as client:
        yield client


def read(service: str, story: str, name: str) -> Any:
    return orjson.loads((write_golden.FOLDER / service / story / name).read_bytes())


def test_every_story_has_its_pairs_and_no_other() -> None:
    held = {(p.parent.parent.name, p.parent.name) for p in write_golden.FOLDER.rglob("*.json")}
    assert held == set(CALLS)


@pytest.mark.parametrize(("service", "story"), CALLS)
def test_request_is_what_the_fixture_makes(service: str, story: str) -> None:
    assert read(service, story, "request.json") == write_golden.request_of(service, story)


@pytest.mark.parametrize(("service", "story"), CALLS)
def test_answer(http: FlaskClient, service: str, story: str) -> None:
    answer = http.post(f"/cds-services/{service}", json=read(service, story, "request.json"))
    assert answer.status_code == 200
    assert write_golden.scrubbed(answer.json) == read(service, story, "response.json")


@pytest.mark.parametrize(("service", "story"), CALLS)
def test_answer_holds_exactly_the_items_of_the_story(service: str, story: str) -> None:
    """The pairs must not be regenerated into saying something else than the story."""
    listed = next(s for s in fhir_fixtures.stories() if s.name == story).expected[service]
    assert sorted(items(read(service, story, "response.json"))) == sorted(listed)


def items(answer: Any) -> list[tuple[str, str]]:
    """The (recommendation id, indicator) pairs of all cards."""
    return [
        (item["id"], item["indicator"])
        for card in answer["cards"]
        for name, value in card["extension"].items()
        if name.endswith(".recommendations")
        for item in value
    ]
