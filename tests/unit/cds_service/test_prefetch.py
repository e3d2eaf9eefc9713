"""prefetch: what each prefetched value answers (data elements 1.7; recommendations.md 1.9)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.chart import Chart
from cds_service.prefetch import Prefetched, read_prefetch
from hooks.record import DataNeed, Failure
from tests.fault_server import bundle, outcome

BOTH = frozenset({"patient-view", "order-sign"})
PATIENT = DataNeed("patient", "Patient", "Patient/{{context.patientId}}", BOTH)
CONDITIONS = DataNeed("conditions", "Condition", "Condition?patient={{context.patientId}}", BOTH)
LABS = DataNeed("labs", "Observation", "Observation?patient={{context.patientId}}&code=a", BOTH)
NEEDS = (PATIENT, CONDITIONS, LABS)

ME = {"resourceType": "Patient", "id": "p1"}
SOMEBODY = {"resourceType": "Patient", "id": "p2"}
MINE = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}}
THEIRS = {"resourceType": "Condition", "id": "c2", "subject": {"reference": "Patient/p2"}}
LAB = {"resourceType": "Observation", "id": "o1", "subject": {"reference": "Patient/p1"}}
UNREADABLE = {**MINE, "id": "c3", "code": "text"}


def read(**prefetch: Any) -> tuple[Prefetched, Chart]:
    chart = Chart("p1")
    return read_prefetch(prefetch, NEEDS, chart), chart


def open_keys(**prefetch: Any) -> set[str]:
    return {need.key for need in read(**prefetch)[0].open}


ANSWERED = {
    "null": None,
    "empty bundle": bundle(),
    "bundle without entry": {"resourceType": "Bundle"},
    "entry null": bundle(entry=None),
    "entry empty": bundle(entry=[]),
    "bundle with a remark": bundle(outcome("information"), total=0),
    "remark": outcome("warning"),
    "data": bundle(MINE),
    "data and a remark": bundle(MINE, outcome("warning")),
    "data and other types": bundle(MINE, LAB, {"resourceType": "Practitioner"}),
    "single resource": MINE,
    "unreadable data": bundle(UNREADABLE),
    "entry that is no object": bundle(entry=["x"]),
    "entry without resource": bundle(entry=[{}]),
    "only another patient's data": bundle(THEIRS),
    "another patient's data of other types": bundle(SOMEBODY),
    "another patient's data of a type that is not read": bundle({**THEIRS, "resourceType": "Flag"}),
    "bundle in a bundle": bundle(bundle(MINE)),
    "wrapped": {"response": {"status": "200 OK"}, "resource": bundle(MINE)},
    "wrapped null": {"response": {"status": "200"}, "resource": None},
    "wrapped with a number": {"response": {"status": 200}, "resource": MINE},
}

OPEN = {
    "error": outcome("error"),
    "fatal": outcome("fatal"),
    "error entry": bundle(outcome("error")),
    "error beside data": bundle(MINE, outcome("error")),
    "outcome without issues": {"resourceType": "OperationOutcome"},
    "text": "123",
    "number": 7,
    "true": True,
    "list": [MINE],
    "object without type": {"id": "c1"},
    "empty object": {},
    "odd type": {"resourceType": ["Condition"]},
    "other types only": bundle(LAB, {"resourceType": "Practitioner"}),
    "single resource of another type": LAB,
    "data of a type that is not read": bundle({**MINE, "resourceType": "Flag"}),
    "unreadable data of another type": bundle({**LAB, "code": 7}),
    "single resource of another patient": THEIRS,
    "failed wrapper": {"response": {"status": "404 Not Found"}, "resource": None},
    "failed wrapper with data": {"response": {"status": "500"}, "resource": bundle(MINE)},
    "wrapper without status": {"response": {}, "resource": bundle(MINE)},
    "wrapper with odd status": {"response": {"status": "2000"}, "resource": bundle(MINE)},
    "wrapper without resource": {"response": {"status": "200 OK"}},
    "wrapped text": {"response": {"status": "200 OK"}, "resource": "x"},
    "wrapped error": {"response": {"status": "200 OK"}, "resource": outcome("error")},
}


@pytest.mark.parametrize("value", ANSWERED.values(), ids=ANSWERED)
def test_answered(value: Any) -> None:
    assert open_keys(conditions=value, patient=ME, labs=None) == set()


@pytest.mark.parametrize("value", OPEN.values(), ids=OPEN)
def test_left_open(value: Any) -> None:
    assert open_keys(conditions=value, patient=ME, labs=None) == {"conditions"}


def test_absent_keys_are_open() -> None:
    assert open_keys() == {"patient", "conditions", "labs"}


BUNDLES = [
    bundle(),
    bundle(entry=None),
    bundle(MINE),
    bundle(LAB),
    bundle(outcome("error")),
    bundle(outcome("information")),
    bundle(entry=["x"]),
]


@pytest.mark.parametrize("value", BUNDLES)
def test_another_patients_resources_change_nothing(value: dict[str, Any]) -> None:
    foreign = [{"resource": resource} for resource in (THEIRS, SOMEBODY)]
    mixed = {**value, "entry": [*(value.get("entry") or []), *foreign]}
    plain, _ = read(conditions=value, patient=ME, labs=None)
    injected, chart = read(conditions=mixed, patient=ME, labs=None)
    assert plain == injected
    assert chart.foreign == 2


def test_failed_wrapper_brings_nothing() -> None:
    _, chart = read(conditions={"response": {"status": "500"}, "resource": bundle(MINE)})
    assert chart.resources() == {}


def test_data_beside_an_error_counts() -> None:
    left, chart = read(conditions=bundle(MINE, outcome("error")), patient=ME, labs=None)
    assert [need.key for need in left.open] == ["conditions"]
    assert chart.has("Condition")


def test_unreadable_entries_fail_the_need() -> None:
    left, chart = read(conditions=bundle(entry=[7, {"resource": MINE}]), patient=ME, labs=None)
    assert left.failures == {Failure("Condition", "unreadable")}
    assert chart.has("Condition")


def test_total_above_the_entries_is_truncated() -> None:
    left, _ = read(conditions=bundle(MINE, total=2), patient=ME, labs=None)
    assert left.failures == {Failure("Condition", "truncated")}


def test_next_link_is_handed_on() -> None:
    left, _ = read(conditions=bundle(MINE, next="?page=2"), patient=ME, labs=None)
    assert [(need.key, page.next_link) for need, page in left.paged] == [("conditions", "?page=2")]
    assert left.open == []


def test_other_keys_bring_data_but_no_completeness() -> None:
    left, chart = read(
        item1=bundle(MINE, next="?page=2"), item2=LAB, item3=None, item4=outcome("error"), item5=3
    )
    assert {need.key for need in left.open} == {"patient", "conditions", "labs"}
    assert (left.paged, left.failures) == ([], set())
    assert chart.has("Condition")
    assert chart.has("Observation")


def test_key_of_another_need_brings_data_but_answers_its_own_only() -> None:
    left, chart = read(labs=bundle(MINE), conditions=None, patient=ME)
    assert [need.key for need in left.open] == ["labs"]
    assert chart.has("Condition")


@pytest.mark.parametrize("key", ["patient", "conditions", "item1"])
@pytest.mark.parametrize("value", [ME, bundle(ME), bundle(SOMEBODY, ME)])
def test_patient_under_any_key_answers(key: str, value: Any) -> None:
    assert "patient" not in open_keys(**{key: value})


@pytest.mark.parametrize("value", [None, bundle()])
def test_patient_that_does_not_exist(value: Any) -> None:
    assert "patient" not in open_keys(patient=value)


@pytest.mark.parametrize(
    "value", [SOMEBODY, bundle(SOMEBODY), {**ME, "birthDate": 7}, bundle(MINE), {"id": "p1"}]
)
def test_patient_is_not_answered_by(value: Any) -> None:
    assert "patient" in open_keys(patient=value)


@given(
    st.dictionaries(
        st.sampled_from(["patient", "conditions", "labs", "item1"]),
        st.recursive(
            st.sampled_from([None, True, 7, "x", ME, MINE, THEIRS, outcome("error"), UNREADABLE]),
            lambda inner: (
                st.lists(inner, max_size=2)
                | inner.map(lambda value: bundle(value))
                | inner.map(lambda value: {"resourceType": "Bundle", "entry": value})
                | inner.map(lambda value: {"response": {"status": "200"}, "resource": value})
                | st.dictionaries(st.sampled_from(["resourceType", "subject", "meta"]), inner)
            ),
            max_leaves=6,
        ),
    )
)
def test_no_prefetch_breaks_the_reading(prefetch: dict[str, Any]) -> None:
    left, chart = read(**prefetch)
    assert {need.key for need in left.open} >= {"patient", "conditions", "labs"} - set(prefetch) - (
        {"patient"} if chart.has("Patient") else set()
    )


# What a client declares complete ------------------------------------------------------------------

OBSERVATIONS = {"Observation": ("results", "scores")}
ELSEWHERE = DataNeed("scores-need", "Observation", "Observation?patient=1&code=b", BOTH)


def open_declared(declared: Any = OBSERVATIONS, **prefetch: Any) -> set[str]:
    chart = Chart("p1")
    left = read_prefetch(prefetch, (*NEEDS, ELSEWHERE), chart, declared)
    return {need.resource_type for need in left.open}


def test_keys_of_a_client_answer_all_needs_of_a_declared_type() -> None:
    assert open_declared(results=bundle(LAB), scores=None) == {"Patient", "Condition"}
    assert open_declared(results=bundle(), scores=bundle()) == {"Patient", "Condition"}


def test_without_the_declaration_they_say_nothing_about_absence() -> None:
    assert "Observation" in open_declared({}, results=bundle(LAB), scores=None)
    assert "Observation" in open_declared(None, results=bundle(LAB), scores=None)


@pytest.mark.parametrize(
    "scores",
    [
        outcome("error"),
        bundle(outcome("error")),
        bundle(MINE),
        bundle(LAB, total=2),
        bundle(link=[{"relation": "next", "url": "https://f.example/2"}]),
        bundle({**LAB, "id": "o2", "subject": {"reference": "Patient/p2"}}, "x"),
        "123",
        [],
    ],
    ids=str,
)
def test_a_key_that_is_not_whole_leaves_the_type_open(scores: Any) -> None:
    assert "Observation" in open_declared(results=bundle(LAB), scores=scores)


def test_a_key_that_did_not_come_leaves_the_type_open() -> None:
    assert "Observation" in open_declared(results=bundle(LAB))
    assert "Observation" in open_declared({"Observation": ()}, results=bundle(LAB))


def test_our_own_key_counts_as_always_beside_a_declaration() -> None:
    chart = Chart("p1")
    prefetch = {"labs": bundle(LAB), "results": outcome("error"), "scores": None}
    left = read_prefetch(prefetch, (*NEEDS, ELSEWHERE), chart, OBSERVATIONS)
    assert {need.key for need in left.open} == {"patient", "conditions", "scores-need"}
