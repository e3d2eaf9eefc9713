"""Paging of a real server: links, totals, thresholds, and what happens between two pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests import deck
from tests.charts.build import Chart
from tests.hapi import calls
from tests.hapi.client import Hapi
from tests.hapi.conftest import DEADLINE_MS
from tests.hapi.proxy import Proxy
from tests.tools import write_golden

pytestmark = pytest.mark.hapi
PAGE = 5
BENIGN = 14
"""With the story's own Conditions more than three pages, and past 13, where HAPI pauses."""
HEADACHE, CLEAN = "breast-new-headache", "ommaya-clean-order"
Change = Callable[[Hapi, Chart], None]


def small_pages(folder: Path, deadline_ms: int = DEADLINE_MS) -> FlaskClient:
    """The service with pages so small that every chart here has several."""
    return deck.flask_client(folder, write_golden.NOW, PAGE_SIZE=PAGE, DEADLINE_MS=deadline_ms)


@pytest.fixture(scope="module")
def paging(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return small_pages(tmp_path_factory.mktemp("paging"))


@pytest.fixture(scope="module")
def clean(hapi: Hapi) -> Chart:
    chart = calls.held_story(hapi, CLEAN, "pages")
    hapi.put(*calls.benign(chart, BENIGN))
    return chart


def with_red_flag_last(hapi: Hapi, copy: str) -> Chart:
    """A chart whose decisive Condition is none of the first page."""
    chart = calls.held_story(hapi, HEADACHE, copy)
    hapi.put(*calls.benign(chart, BENIGN))
    flag = calls.papilloedema(chart)
    hapi.put(flag)
    first = hapi.get(f"Condition?patient={chart.patient_id}&_count={PAGE}")
    assert flag["id"] not in [entry["resource"]["id"] for entry in first["entry"]]
    return chart


def test_all_pages_are_read_although_no_total_is_told(
    hapi: Hapi, paging: FlaskClient, between: Proxy
) -> None:
    chart = with_red_flag_last(hapi, "all")
    first = hapi.get(f"Condition?patient={chart.patient_id}&_count={PAGE}")
    assert "total" not in first
    got = calls.items(paging, chart, "patient-view", between.base)
    assert got == {("suspected-lm", "critical")}
    assert sum("_getpages=" in query for query in between.asked) >= 3


def test_empty_answers_have_no_entry_and_are_no_failure(
    hapi: Hapi, paging: FlaskClient, clean: Chart
) -> None:
    assert "entry" not in hapi.get(f"Device?patient={clean.patient_id}")
    assert calls.answer(paging, clean, "order-sign", hapi.base)["cards"] == []


def test_larger_count_than_allowed_is_no_failure(
    hapi: Hapi, service: FlaskClient, clean: Chart
) -> None:
    """The page is smaller than asked for, silently; the rest is on further pages."""
    query = f"Condition?patient={clean.patient_id}"
    assert len(hapi.ids(f"{query}&_count=10000")) == len(hapi.ids(query)) >= BENIGN
    assert calls.answer(service, clean, "order-sign", hapi.base)["cards"] == []


def test_expired_link_is_incomplete_not_empty(
    hapi: Hapi, paging: FlaskClient, between: Proxy, clean: Chart
) -> None:
    unknown = "_getpages=00000000-0000-4000-8000-000000000000"
    assert hapi.raw(f"?{unknown}&_getpagesoffset=5&_count=5").status_code == 410
    between.change = lambda query: re.sub("_getpages=[^&]+", unknown, query)
    answer = calls.answer(paging, clean, "order-sign", between.base)
    assert ("Condition", "truncated") in calls.unread(answer)


def test_link_to_another_host_is_not_followed(
    paging: FlaskClient, between: Proxy, clean: Chart
) -> None:
    """A server behind another name writes that name into its links."""
    between.host = between.base.split("/")[2].replace("127.0.0.1", "localhost")
    answer = calls.answer(paging, clean, "order-sign", between.base)
    assert ("Condition", "truncated") in calls.unread(answer)
    assert not any("_getpages=" in query for query in between.asked)


def test_pause_between_pages_beyond_the_deadline_is_named(
    hapi: Hapi, clean: Chart, tmp_path: Path
) -> None:
    """The page that crosses 13 results takes half a second longer."""
    hurried = small_pages(tmp_path, deadline_ms=100)
    told = calls.unread(calls.answer(hurried, clean, "order-sign", hapi.base))
    assert told & {("Condition", "truncated"), ("Condition", "timeout")}


def another_patients(hapi: Hapi, chart: Chart) -> None:
    other = calls.held_story(hapi, CLEAN, f"taker-{chart.patient_id[-12:]}")
    subject = {"subject": {"reference": f"Patient/{other.patient_id}"}}
    hapi.put(calls.papilloedema(chart) | subject)


def entered_in_error(hapi: Hapi, chart: Chart) -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    status = {"verificationStatus": {"coding": [{"system": system, "code": "entered-in-error"}]}}
    changed = calls.papilloedema(chart) | status
    del changed["clinicalStatus"]
    hapi.put(changed)


def deleted(hapi: Hapi, chart: Chart) -> None:
    hapi.delete(f"Condition/{calls.papilloedema(chart)['id']}")


@pytest.mark.parametrize("happens", [another_patients, entered_in_error, deleted])
def test_what_changes_between_two_pages_counts_as_it_is_then(
    hapi: Hapi, paging: FlaskClient, between: Proxy, happens: Change
) -> None:
    """Such a resource still comes, although it no longer matches the search, or is missing."""
    chart = with_red_flag_last(hapi, happens.__name__.replace("_", "-"))
    done: list[str] = []

    def change(query: str) -> str:
        if "_getpages=" in query and not done:
            happens(hapi, chart)
            done.append(query)
        return query

    between.change = change
    got = calls.items(paging, chart, "patient-view", between.base)
    assert done
    assert got == {("suspected-lm", "info")}
