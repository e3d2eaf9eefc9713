"""chart: whose data a resource is, duplicates, unreadable resources (data elements, 1.1)."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service import chart as chart_module
from cds_service.chart import Chart
from cds_service.fhir_answer import read_page
from hooks.fhir import Condition, Medication
from hooks.record import Failure
from tests.fault_server import bundle

BASE = "https://fhir.example.org/r4"


def condition(subject: Any, own_id: str = "c1", **members: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": own_id, "subject": subject, **members}


def chart_of(*resources: Any, bases: tuple[str, ...] = (BASE,), **members: Any) -> Chart:
    chart = Chart("p1", bases)
    page = read_page(bundle(*resources, **members))
    assert page is not None
    chart.add(page)
    return chart


def kept(chart: Chart) -> list[str | None]:
    return [resource.id for resource in chart.resources().get("Condition", ())]


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p1",
        "p1",
        "Patient/p1/_history/2",
        f"{BASE}/Patient/p1",
        f"{BASE}/Patient/p1/_history/1",
    ],
)
def test_about_the_patient(reference: str) -> None:
    chart = chart_of(condition({"reference": reference}))
    assert (kept(chart), chart.foreign) == (["c1"], 0)


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "Patient/p2"},
        {"reference": "Patient/p1x"},
        {"reference": "Patient/"},
        {"reference": ""},
        {"reference": "Group/p1"},
        {"reference": "https://other.example.org/r4/Patient/p1"},
        {"reference": f"{BASE}x/Patient/p1"},
        {"reference": "urn:uuid:7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10"},
        {"reference": "#p1"},
        {"identifier": {"value": "p1"}},
        {"display": "p1"},
        {},
        None,
    ],
)
def test_set_aside(subject: Any) -> None:
    chart = chart_of(condition(subject))
    assert (kept(chart), chart.foreign, chart.failures) == ([], 1, set())


@pytest.mark.parametrize("subject", ["Patient/p1", ["Patient/p1"], 7, {"reference": 7}])
def test_subject_of_the_wrong_type_is_unreadable(subject: Any) -> None:
    chart = chart_of(condition(subject))
    assert (kept(chart), chart.foreign, chart.unreadable) == ([], 0, 1)
    assert chart.failures == {Failure("Condition", "unreadable")}


def test_either_spelling_of_the_server_counts() -> None:
    spelled = "https://FHIR.example.org/r4/"
    resources = [
        condition({"reference": f"{BASE}/Patient/p1"}, "a"),
        condition({"reference": f"{spelled}Patient/p1"}, "b"),
    ]
    assert kept(chart_of(*resources, bases=(spelled, BASE))) == ["a", "b"]


def test_urn_counts_only_in_its_bundle() -> None:
    urn = "urn:uuid:7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10"
    entries = [
        {"fullUrl": urn, "resource": {"resourceType": "Patient", "id": "p1"}},
        {"resource": condition({"reference": urn}, "a")},
    ]
    chart = chart_of(entry=entries)
    other = read_page(bundle(condition({"reference": urn}, "b")))
    assert other is not None
    chart.add(other)
    assert (kept(chart), chart.foreign) == (["a"], 1)


def test_only_urns_resolve_in_the_bundle() -> None:
    elsewhere = "https://other.example.org/r4/Patient/p1"
    entries = [
        {"fullUrl": elsewhere, "resource": {"resourceType": "Patient", "id": "p1"}},
        {"resource": condition({"reference": elsewhere})},
    ]
    assert kept(chart_of(entry=entries)) == []


def test_urn_of_another_patient() -> None:
    urn = "urn:uuid:7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10"
    entries = [
        {"fullUrl": urn, "resource": {"resourceType": "Patient", "id": "p2"}},
        {"resource": condition({"reference": urn})},
    ]
    chart = chart_of(entry=entries)
    assert (kept(chart), chart.foreign, chart.has("Patient")) == ([], 2, False)


def test_patient_only_by_its_own_id() -> None:
    chart = chart_of(
        {"resourceType": "Patient", "id": "p1", "birthDate": "1968-04-02"},
        {"resourceType": "Patient", "id": "p2"},
        {"resourceType": "Patient"},
        {"resourceType": "Patient", "id": 7},
    )
    assert [patient.id for patient in chart.resources()["Patient"]] == ["p1"]
    assert chart.foreign == 3


MINE = {"reference": "Patient/p1"}


@pytest.mark.parametrize("subject", [MINE, "Patient/p1"])
def test_subject_of_a_patient_means_nothing(subject: Any) -> None:
    somebody = {"resourceType": "Patient", "id": "p2", "subject": subject}
    chart = chart_of(condition(MINE), somebody)
    assert (chart.has("Patient"), chart.foreign, chart.failures) == (False, 1, set())


def test_same_type_and_id_counts_once() -> None:
    chart = chart_of(condition(MINE, "a"), condition(MINE, "b"), condition(MINE, "a"))
    assert kept(chart) == ["a", "b"]


def test_resources_without_id_are_all_kept() -> None:
    anonymous = {"resourceType": "Condition", "subject": MINE}
    assert kept(chart_of(anonymous, dict(anonymous))) == [None, None]


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        ({}, {}, 1),
        ({"versionId": "1"}, {"versionId": "2"}, 2),
        ({"versionId": "9"}, {"versionId": "10"}, 2),
        ({"versionId": "2"}, {"versionId": "1"}, 1),
        ({"versionId": "a"}, {"versionId": "b"}, 1),
        ({"versionId": "1"}, {}, 1),
        ({}, {"versionId": "7"}, 1),
        ({"lastUpdated": "2026-01-01T00:00:00Z"}, {"lastUpdated": "2026-01-02T00:00:00Z"}, 2),
        ({"lastUpdated": "2026-01-01T01:00:00+02:00"}, {"lastUpdated": "2025-12-31T23:30:00Z"}, 2),
        ({"lastUpdated": "2026-01-01T00:00:00Z"}, {"lastUpdated": "nonsense"}, 1),
        ({"lastUpdated": "2026-01-01"}, {"lastUpdated": "2026-01-02T00:00:00Z"}, 1),
        (
            {"lastUpdated": "2026-01-02T00:00:00Z", "versionId": "1"},
            {"lastUpdated": "2026-01-01T00:00:00Z", "versionId": "2"},
            1,
        ),
        ("odd", ["odd"], 1),
    ],
)
def test_newer_copy_wins(first: Any, second: Any, wins: int) -> None:
    chart = chart_of(
        condition(MINE, meta=first, recordedDate="2026-01-01"),
        condition(MINE, meta=second, recordedDate="2026-01-02"),
    )
    (found,) = chart.resources()["Condition"]
    assert isinstance(found, Condition)
    assert found.recorded_date == f"2026-01-0{wins}"


def test_unreadable_resource_fails_its_category_and_the_others_count() -> None:
    chart = chart_of(condition(MINE, "a", code="text"), condition(MINE, "b"))
    assert (kept(chart), chart.unreadable) == (["b"], 1)
    assert chart.failures == {Failure("Condition", "unreadable")}


def test_null_elements_are_absent() -> None:
    assert kept(chart_of(condition(MINE, code=None, stage=None))) == ["c1"]


def test_types_that_no_fact_reads_are_ignored() -> None:
    chart = chart_of({"resourceType": "Practitioner", "id": "x"}, {"resourceType": "condition"})
    assert (chart.resources(), chart.foreign, chart.unreadable) == ({}, 0, 0)


def test_finding_what_a_reference_means() -> None:
    urn, url = "urn:uuid:1", "https://elsewhere.example/Medication/m3"
    entries = [
        {"fullUrl": urn, "resource": {"resourceType": "Medication", "id": "m1"}},
        {
            "fullUrl": f"{BASE}/Medication/m2",
            "resource": {"resourceType": "Medication", "id": "m2"},
        },
        {"fullUrl": url, "resource": {"resourceType": "Medication"}},
        {"resource": {"resourceType": "Specimen", "id": "m1", "subject": MINE}},
    ]
    chart = chart_of(entry=entries)
    for reference in (urn, "Medication/m1", "Medication/m1/_history/3", f"{BASE}/Medication/m1"):
        assert chart.find("Medication", reference) == Medication("Medication", "m1"), reference
    assert chart.find("Medication", url) == Medication("Medication", None)
    assert chart.find("Medication", f"{BASE}/Medication/m2")
    for reference in ("m1", "Specimen/m1", "https://elsewhere.example/Medication/m1", "#m1", ""):
        assert chart.find("Medication", reference) is None, reference
    assert chart.find("Specimen", urn) is None
    assert chart_of({"resourceType": "Medication", "id": "None"}).find("Medication", "m9") is None
    assert set(chart.referable("Medication")) == {
        *(urn, url, f"{BASE}/Medication/m2"),
        *("Medication/m1", "Medication/m2"),
    }


def test_without_a_server_an_absolute_reference_counts_by_its_end() -> None:
    chart = chart_of({"resourceType": "Medication", "id": "m1"}, bases=())
    assert chart.find("Medication", "https://anywhere.example/Medication/m1")
    assert chart.find("Medication", "https://anywhere.example/Medication/m2") is None


def test_more_resources_than_one_call_may_bring_are_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chart_module, "MOST_RESOURCES", 2)
    about = {"reference": "Patient/p1"}
    chart = chart_of(*(condition(about, own_id) for own_id in ("1", "2", "3", "1")))
    assert kept(chart) == ["1", "2"]
    assert chart.failures == {Failure("Condition", "too-large")}
