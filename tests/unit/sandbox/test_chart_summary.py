"""The short chart of the start page."""

from __future__ import annotations

from datetime import date

import pytest

import fhir_fixtures
from cds_service.sandbox.chart_summary import Line, chart_lines, order_lines

TODAY = date(2026, 2, 15)


def test_lines_are_newest_first_and_dated_for_the_day() -> None:
    lines = chart_lines("breast-new-headache", TODAY)
    days = [line.day for line in lines]
    assert days == sorted(days, reverse=True)
    assert Line("Condition", "Headache", "", "", "2026-02-01") in lines
    assert Line("Observation", "Platelets", "210 10*3/uL", "", "2026-02-12") in lines


def test_remarkable_statuses_and_texts_are_shown() -> None:
    lines = chart_lines("breast-lm-refuted", TODAY)
    refuted = next(line for line in lines if line.name == "Leptomeningeal metastasis")
    assert refuted.status == "refuted"
    report = next(line for line in lines if line.name == "CSF cytology")
    assert report.value == "No malignant cells identified."


def test_an_order_shows_its_drug_also_by_reference() -> None:
    (line,) = order_lines("shunt-and-planned-proton-csi", TODAY)
    assert "methotrexate" in line.name
    assert "Ommaya" in line.value


@pytest.mark.parametrize("story", [story.name for story in fhir_fixtures.stories()])
def test_every_line_says_what_it_is(story: str) -> None:
    lines = chart_lines(story, TODAY) + order_lines(story, TODAY)
    assert all(line.name for line in lines)
