"""The test patients on a real server: loaded, found, and answered as the stored pairs say."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

import fhir_fixtures
from cds_service import fhir_query, load_fixtures
from hooks import SERVICES
from tests.hapi.client import Hapi
from tests.tools import write_golden

pytestmark = pytest.mark.hapi
CALLS = list(write_golden.calls())
STORIES = [story.name for story in fhir_fixtures.stories()]
NEEDS = SERVICES["lm-order-sign"].needs


def stored(service: str, story: str, name: str) -> Any:
    return orjson.loads((write_golden.FOLDER / service / story / name).read_bytes())


def test_loading_again_changes_nothing(loaded: Hapi) -> None:
    before = loaded.get("Patient/breast-new-headache")
    done = CliRunner().invoke(load_fixtures.main, [loaded.base, "--reference-date"])
    assert done.exit_code == 0, done.output
    assert loaded.get("Patient/breast-new-headache") == before


def test_loading_for_today_is_the_default(hapi: Hapi, loaded: Hapi) -> None:
    reference = loaded.get("Patient/breast-new-headache")["birthDate"]
    try:
        done = CliRunner().invoke(load_fixtures.main, [hapi.base])
        assert done.exit_code == 0, done.output
        assert hapi.get("Patient/breast-new-headache")["birthDate"] > reference
    finally:
        CliRunner().invoke(load_fixtures.main, [hapi.base, "--reference-date"])
    assert hapi.get("Patient/breast-new-headache")["birthDate"] == reference


@pytest.mark.parametrize(("service_id", "story"), CALLS)
def test_stored_pair_in_server_mode(
    loaded: Hapi, service: FlaskClient, service_id: str, story: str
) -> None:
    body = stored(service_id, story, "request.json")
    del body["prefetch"]
    answer = service.post(f"/cds-services/{service_id}", json=body | {"fhirServer": loaded.base})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert write_golden.scrubbed(answer.json) == stored(service_id, story, "response.json")


@pytest.mark.parametrize("story", STORIES)
def test_templates_find_what_they_find_in_the_stored_prefetch(loaded: Hapi, story: str) -> None:
    """No status, code, category or modifier in them that this server reads otherwise."""
    service_id = "lm-order-sign" if ("lm-order-sign", story) in CALLS else "lm-patient-view"
    prefetch = stored(service_id, story, "request.json")["prefetch"]
    for need in SERVICES[service_id].needs:
        query = fhir_query.filled(need.query, story)
        address = fhir_query.address("", query, None, sort=fhir_query.sortable(query))[1:]
        if "?" in query:
            held = {entry["resource"]["id"] for entry in prefetch[need.key].get("entry", ())}
            assert loaded.ids(address) == held, need.key
        else:
            assert loaded.get(address)["id"] == prefetch[need.key]["id"]


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: need.key)
def test_published_template_and_fallbacks_are_accepted_as_they_stand(
    loaded: Hapi, need: Any
) -> None:
    for template in (need.query, *need.fallbacks):
        answer = loaded.raw(fhir_query.filled(template, "ommaya-clean-order"))
        assert answer.status_code == 200, answer.text
        kinds = {e["resource"]["resourceType"] for e in answer.json().get("entry", ())}
        assert kinds <= {need.resource_type}
