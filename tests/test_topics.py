"""Sorting Observations by topic changes nothing: each reading finds what it finds among all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson
import pytest
from flask.testing import FlaskClient

from cds_service import clock, hook_call
from cds_service.edge import edge_of
from hooks.fhir import Observation
from hooks.readings import chart as chart_module
from hooks.readings.topics import Topic, by_topic
from tests import deck
from tests.charts.request import request
from tests.unit.hooks.records import LOINC, about, coded, record

CASES = deck.own_cases()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("topics"))


def unsorted(observations: Iterable[Observation]) -> Mapping[Topic, tuple[Observation, ...]]:
    return dict.fromkeys(Topic, tuple(observations))


@pytest.mark.parametrize("style", ["snomed", "text"])
@pytest.mark.parametrize("hook", ["patient-view", "order-sign"])
def test_explanations_are_the_same_without_topics(
    client: FlaskClient, hook: str, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = edge_of(client.application)
    service = edge.service(deck.SERVICE_OF[hook])
    cases = [case for case in CASES if case.hook == hook]
    bodies = [orjson.dumps(request(case.chart(style), hook, "prefetch")) for case in cases]
    calls = (hook_call.parse(service, body, clock.monotonic()) for body in bodies)
    records = [edge.record(service, call) for call in calls]
    told = [service.explanation(one) for one in records]
    assert any(one.of(Observation) for one in records)
    monkeypatch.setattr(chart_module, "by_topic", unsorted)
    for case, one, before in zip(cases, records, told, strict=True):
        assert service.explanation(one) == before, case.name


def test_what_no_reading_is_about_has_no_topic() -> None:
    pulse = about("Observation", "o", status="final", code=coded(LOINC, "8867-4", "Heart rate"))
    sorted_in = by_topic(record(pulse).of(Observation))
    assert not any(sorted_in.values())


def test_a_part_of_a_procedure_may_be_a_cytology_whatever_its_code() -> None:
    part = [{"reference": "Procedure/p"}]
    cells = about("Observation", "o", status="final", code={"text": "Cells"}, partOf=part)
    coded_so = about("Observation", "c", code=coded(LOINC, "10524-7"), partOf=part)
    found = by_topic(record(cells, coded_so).of(Observation))[Topic.CYTOLOGY]
    assert [observation.id for observation in found] == ["o", "c"]
