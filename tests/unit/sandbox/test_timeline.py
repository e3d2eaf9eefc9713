"""The drawing of evidence on a timeline: where things are, and what is not lost."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

import fhir_fixtures
from cds_service.sandbox.example_calls import example_call
from cds_service.sandbox.timeline import LEFT, MARKS, RIGHT, WIDTH, Timeline, timeline
from tests.contract.calls import NOW

TODAY = NOW.date()


def day(age: int) -> str:
    return (TODAY - timedelta(days=age)).isoformat()


def entry(*ages: int | None, truth: str = "yes") -> Any:
    evidence = [
        {"label": f"finding {age}", "date": None if age is None else day(age)} for age in ages
    ]
    return {"facts": [{"truth": truth, "evidence": evidence}]}


def chart(*days: str) -> list[Any]:
    return [{"reference": "Condition/1", "date": each} for each in days]


def drawn(entry: Any, *days: str) -> Timeline:
    line = timeline(entry, chart(*days), TODAY)
    assert line is not None
    return line


def test_time_runs_to_the_right_and_evidence_is_numbered_by_day() -> None:
    line = drawn(entry(3, 400, 0), day(2000))
    assert [dot.day for dot in line.dots] == [day(400), day(3), day(0)]
    assert [dot.number for dot in line.dots] == [1, 2, 3]
    positions = [dot.x for dot in line.dots]
    assert positions == sorted(positions)
    assert positions[-1] == RIGHT
    assert line.entries == (LEFT,)


def test_planned_events_lie_after_today() -> None:
    line = drawn(entry(-10, 5))
    today = line.marks[0]
    assert today[1] == "today"
    assert line.dots[0].x < today[0] < line.dots[1].x <= RIGHT


def test_the_scale_names_no_time_that_the_chart_does_not_reach() -> None:
    assert [name for _, name in drawn(entry(200)).marks] == [
        "today",
        "1 week",
        "1 month",
        "3 months",
    ]
    assert [name for _, name in drawn(entry(1)).marks] == ["today", "1 week", "1 month"]


def test_evidence_of_the_same_days_does_not_overlap() -> None:
    line = drawn(entry(100, 101, 102, 3))
    places = {(dot.x // 20, dot.y) for dot in line.dots}
    assert len(places) == len(line.dots)
    assert all(dot.y - 10 >= 0 and dot.y + 10 < line.baseline for dot in line.dots)


def test_what_has_no_day_is_counted() -> None:
    line = drawn(entry(5, None), "2024", "2025-06", "soon", day(5))
    assert line.undated == 1
    assert line.dated_entries == 3
    assert line.number({"label": "finding None", "date": None}) is None
    assert line.number({"label": "finding 5", "date": day(5)}) == 1


def test_nothing_is_drawn_without_a_dated_finding() -> None:
    assert timeline(entry(None), chart(day(3)), TODAY) is None
    assert timeline({"facts": []}, chart(day(3)), TODAY) is None


def test_evidence_of_several_facts_is_drawn_once_with_the_first_answer() -> None:
    both = entry(5, truth="no")["facts"] + entry(5, truth="yes")["facts"]
    (dot,) = drawn({"facts": both}).dots
    assert dot.truth == "no"


def test_the_words_say_what_the_drawing_shows() -> None:
    words = drawn(entry(5), day(5), day(9)).words
    assert f"1: finding 5, {day(5)}" in words
    assert "2 dated entries" in words


AGES = st.integers(-4000, 40_000)


@given(st.lists(AGES, min_size=1, max_size=40), st.lists(AGES, max_size=40))
def test_everything_lies_inside_the_drawing(evidence: list[int], others: list[int]) -> None:
    line = drawn(entry(*evidence), *map(day, others))
    assert len(line.dots) == len(set(evidence))
    for dot in line.dots:
        assert 10 <= dot.x <= WIDTH - 10
        assert 10 <= dot.y <= line.height
    assert all(0 <= x <= WIDTH for x in line.entries)


@pytest.mark.parametrize("oldest", [1, 30, 91, 400, 2000, 4000, 8000, 30_000])
@pytest.mark.parametrize("planned", [0, -1, -400])
def test_names_of_the_scale_are_apart(oldest: int, planned: int) -> None:
    marks = drawn(entry(oldest, planned)).marks
    assert len(marks) <= len(MARKS)
    assert all(left - right >= 50 for (left, _), (right, _) in pairwise(marks))


@pytest.mark.parametrize("story", fhir_fixtures.stories(), ids=lambda story: story.name)
def test_every_recommendation_with_dated_evidence_is_drawn(
    client: FlaskClient, story: fhir_fixtures.Story
) -> None:
    for service in story.expected:
        html = client.get(f"/?story={story.name}&service={service}").get_data(as_text=True)
        body = example_call(story.name, service, NOW, prefetch=True)
        explained: Any = client.post(f"/sandbox/explain/{service}", json=body).json
        dated = [
            entry
            for entry in explained["recommendations"]
            if any(found["date"] for fact in entry["facts"] for found in fact["evidence"])
        ]
        assert html.count('<figure class="timeline">') == len(dated)


def test_entries_of_the_chart_are_those_that_the_service_read(client: FlaskClient) -> None:
    body = example_call("breast-new-headache", "lm-patient-view", NOW, prefetch=True)
    foreign = {
        "resourceType": "Condition",
        "id": "foreign",
        "recordedDate": "2026-01-01",
        "subject": {"reference": "Patient/somebody-else"},
    }
    body["prefetch"]["conditions"]["entry"].append({"resource": foreign})
    answer: Any = client.post("/sandbox/explain/lm-patient-view", json=body).json
    references = [each["reference"] for each in answer["entries"]]
    assert "Condition/breast-new-headache-condition-1" in references
    assert "Condition/foreign" not in references
