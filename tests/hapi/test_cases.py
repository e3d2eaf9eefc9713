"""Every case on a real server, nothing prefetched: the core cases in each notation, ours in one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle

import pytest
from flask.testing import FlaskClient

from tests import deck
from tests.charts.build import NOW, STYLES, Chart
from tests.charts.noise import noise
from tests.charts.request import request
from tests.hapi.client import RUN, Hapi, renamed_all, renamed_chart

pytestmark = pytest.mark.hapi
CORE = [(case, style) for case in deck.shared_cases() for style in STYLES]
OWN = list(zip(deck.own_cases(), cycle(STYLES)))
NOISE = 60
"""Irrelevant resources around one notation of each core case: more than a page of 5 or 20."""


@dataclass(frozen=True)
class Held:
    """The charts of cases on the server, and the patients whose chart it refused."""

    charts: list[Chart]
    refused: set[str]

    def chart(self, number: int) -> Chart:
        """The chart of one case; skips where the server does not take it."""
        if self.charts[number].patient_id in self.refused:
            pytest.skip("HAPI refuses a resource of this case")
        return self.charts[number]


def stored(hapi: Hapi, cases: list[tuple[deck.Case, str]], name: str) -> Held:
    """Put the charts of cases on the server."""
    charts = [
        renamed_chart(case.chart(style), f"{name}{number}")
        for number, (case, style) in enumerate(cases)
    ]
    return Held(charts, hapi.put_charts(charts))


def check(hapi: Hapi, service: FlaskClient, case: deck.Case, one: Chart) -> None:
    body = request(one, case.hook, "server", hapi.base)
    got, expected = deck.items(deck.post(service, case.hook, body)), case.expected
    assert got == expected, deck.told(got, expected)


@pytest.fixture(scope="module")
def core(hapi: Hapi) -> Held:
    return stored(hapi, CORE, "core")


@pytest.fixture(scope="module")
def own(hapi: Hapi) -> Held:
    return stored(hapi, OWN, "own")


@pytest.mark.skipif(not CORE, reason="../shared/clinical/cases is not here")
@pytest.mark.parametrize(
    "number", range(len(CORE)), ids=lambda n: f"{CORE[n][0].name}-{CORE[n][1]}"
)
def test_core_case(hapi: Hapi, later: FlaskClient, core: Held, number: int) -> None:
    check(hapi, later, CORE[number][0], core.chart(number))


@pytest.mark.parametrize("number", range(len(OWN)), ids=lambda n: OWN[n][0].name)
def test_own_case(hapi: Hapi, later: FlaskClient, own: Held, number: int) -> None:
    check(hapi, later, OWN[number][0], own.chart(number))


@pytest.mark.skipif(not CORE, reason="../shared/clinical/cases is not here")
@pytest.mark.parametrize("number", range(0, len(CORE), len(STYLES) + 1))
def test_core_case_among_irrelevant_resources(
    hapi: Hapi, later: FlaskClient, core: Held, number: int
) -> None:
    """Added to the chart after the plain call, which another test may repeat: nothing changes."""
    chart = core.chart(number)
    original = chart.patient_id.removeprefix(f"{RUN}-core{number}-")
    added = renamed_all(noise(NOISE, number, NOW, original), f"{RUN}-core{number}")
    hapi.put(*(r for r in added if r["resourceType"] != "Patient"))
    check(hapi, later, CORE[number][0], chart)
