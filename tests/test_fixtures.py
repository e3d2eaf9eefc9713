"""The test patients: valid FHIR, made-up, dated consistently, and described truthfully."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

import fhir_fixtures
from cds_service.sandbox.repository import Repository
from cds_service.sandbox.seed import SandboxData

STORIES = [story.name for story in fhir_fixtures.stories()]
FOLDER = Path(fhir_fixtures.__file__).parent
TABLE = Path(__file__).parents[1] / "../shared/clinical/data-elements.csv"
STRUCTURAL = (
    "http://terminology.hl7.org/CodeSystem/condition-clinical",
    "http://terminology.hl7.org/CodeSystem/condition-ver-status",
    "http://terminology.hl7.org/CodeSystem/condition-category",
    "http://terminology.hl7.org/CodeSystem/observation-category",
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
)
SNOMED = "http://snomed.info/sct"


def resources(story: str) -> list[dict[str, Any]]:
    orders = fhir_fixtures.draft_orders(story) or {"entry": []}
    return [e["resource"] for e in fhir_fixtures.load(story)["entry"] + orders["entry"]]


def members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield name, member
            yield from members(member)
    elif isinstance(value, list):
        for member in value:
            yield from members(member)


def completed_years(birth: str, today: date) -> int:
    born = date.fromisoformat(birth)
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def test_there_are_stories_and_each_folder_is_listed() -> None:
    assert len(STORIES) >= 20
    assert sorted(STORIES) == sorted(path.name for path in (FOLDER / "patients").iterdir())


@pytest.mark.parametrize("story", STORIES)
def test_bundles_are_valid(story: str) -> None:
    bundle = fhir_fixtures.load(story)
    Bundle.model_validate(bundle)
    assert bundle["type"] == "transaction"
    for entry in bundle["entry"]:
        resource = entry["resource"]
        url = f"{resource['resourceType']}/{resource['id']}"
        assert entry["request"] == {"method": "PUT", "url": url}
    orders = fhir_fixtures.draft_orders(story)
    if orders is not None:
        Bundle.model_validate(orders)
        assert orders["type"] == "collection"
    assert (orders is not None) == ("lm-order-sign" in _story(story).expected)


@pytest.mark.parametrize("story", STORIES)
def test_one_patient_with_the_members_that_clients_need(story: str) -> None:
    patients = [r for r in resources(story) if r["resourceType"] == "Patient"]
    assert [patient["id"] for patient in patients] == [fhir_fixtures.patient_id(story)]
    assert patients[0]["name"][0]["given"]
    assert patients[0]["name"][0]["family"] == "Testpatient"
    assert date.fromisoformat(patients[0]["birthDate"]) < fhir_fixtures.REFERENCE_DATE


@pytest.mark.parametrize("story", STORIES)
def test_references_lead_somewhere(story: str) -> None:
    held = {f"{r['resourceType']}/{r['id']}" for r in resources(story)}
    contained = [c for r in resources(story) for c in r.get("contained", [])]
    held |= {f"#{resource['id']}" for resource in contained}
    named = {value for name, value in members(resources(story)) if name == "reference"}
    assert named <= held


def test_ids_are_unique_over_all_stories() -> None:
    keys = [(r["resourceType"], r["id"]) for story in STORIES for r in resources(story)]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("story", STORIES)
def test_codes_are_those_of_the_table(story: str) -> None:
    if not TABLE.exists():
        pytest.skip("the table of data elements is not part of this repository")
    rows = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
    listed = {(row["system"], row["code_or_pattern"]): row for row in rows}
    for name, value in members(resources(story)):
        for coding in value if name == "coding" else ():
            if coding["system"] in STRUCTURAL:
                continue
            row = listed[coding["system"], coding["code"]]
            if coding["system"] == SNOMED:
                assert ("display" in coding) == (row["snomed_gps"] == "yes")


@pytest.mark.parametrize("story", STORIES)
def test_dates_have_a_day_and_texts_hold_none(story: str) -> None:
    """A date without a day could not be shifted; a date inside a text would not be shifted."""
    dated = re.compile(r".*(Date|DateTime|Time)|issued|start|end|authoredOn")
    for name, value in members(resources(story)):
        if isinstance(value, str) and dated.fullmatch(name):
            assert re.match(r"\d{4}-\d\d-\d\d", value), name
        if name in ("text", "conclusion", "description", "name"):
            assert not re.search(r"\d{4}-\d\d|\d\d/\d\d", str(value))


def test_shift_moves_every_date_by_the_same_days() -> None:
    value = {
        "birthDate": "1960-05-05",
        "at": ["2026-01-14T23:30:00+01:00", "2026-01-15"],
        "kept": ["2025", "2025-06", "T8", 4, None, True, "on 2026-01-15"],
    }
    moved = fhir_fixtures.shift(value, date(2026, 1, 25))
    assert moved == {
        "birthDate": "1960-05-15",
        "at": ["2026-01-24T23:30:00+01:00", "2026-01-25"],
        "kept": value["kept"],
    }
    assert fhir_fixtures.shift(moved, date(2026, 1, 15), since=date(2026, 1, 25)) == value


@pytest.mark.parametrize("story", STORIES)
def test_shift_keeps_ages(story: str) -> None:
    def age(today: date) -> int:
        bundle = fhir_fixtures.shift(fhir_fixtures.load(story), today)
        return completed_years(bundle["entry"][0]["resource"]["birthDate"], today)

    then = age(fhir_fixtures.REFERENCE_DATE)
    for days in (-800, -1, 1, 45, 310, 1461, 4000):
        assert age(fhir_fixtures.REFERENCE_DATE + timedelta(days=days)) == then
    assert f"{then}-year-old" in _story(story).who


def test_unknown_stories_and_missing_orders_are_refused() -> None:
    with pytest.raises(LookupError):
        fhir_fixtures.load("../stories")
    with pytest.raises(LookupError):
        fhir_fixtures.hook_request("breast-new-headache", "order-sign")


def test_hook_request_without_prefetch() -> None:
    body = fhir_fixtures.hook_request(
        "ommaya-clean-order", "order-sign", date(2026, 2, 15), fhir_server="http://localhost/fhir"
    )
    assert body["fhirServer"] == "http://localhost/fhir"
    assert "prefetch" not in body
    order = body["context"]["draftOrders"]["entry"][0]["resource"]
    assert order["dosageInstruction"][0]["timing"]["event"] == ["2026-02-15T14:00:00Z"]
    assert body["context"]["patientId"] == "ommaya-clean-order"


def test_hook_request_with_prefetch_fills_the_templates() -> None:
    asked = []

    def search(query: str) -> dict[str, Any]:
        asked.append(query)
        return {"resourceType": "Bundle", "type": "searchset"}

    body = fhir_fixtures.hook_request(
        "breast-new-headache",
        "patient-view",
        templates={"conditions": "Condition?patient={{context.patientId}}"},
        search=search,
    )
    assert asked == ["Condition?patient=breast-new-headache"]
    assert body["prefetch"] == {"conditions": {"resourceType": "Bundle", "type": "searchset"}}


def test_readme_describes_every_story() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for story in fhir_fixtures.stories():
        assert fhir_fixtures.readme_row(story) in readme


class Days:
    """A clock that a test sets."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def test_seeded_patients_follow_the_day_but_not_what_a_client_changed() -> None:
    clock = Days(datetime(2026, 1, 15, 12, tzinfo=UTC))
    data = SandboxData(clock)
    repository = data.repository()
    changed, deleted = "breast-new-headache-condition-2", "breast-new-headache-condition-3"
    repository.update("Condition", changed, {"resourceType": "Condition", "id": changed})
    repository.delete("Condition", deleted)
    clock.now = datetime(2026, 1, 16, 12, tzinfo=UTC)
    again: Repository = data.repository()
    assert again is repository
    assert "onsetDateTime" not in again.read("Condition", changed)
    assert again.find(f"Condition/{deleted}") is None
    plain = again.read("Observation", "breast-new-headache-observation-1")
    assert plain["effectiveDateTime"] == "2026-01-13T07:30:00Z"


def _story(name: str) -> fhir_fixtures.Story:
    return next(story for story in fhir_fixtures.stories() if story.name == name)
