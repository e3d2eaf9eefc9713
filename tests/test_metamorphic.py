"""The same record written in another way gives the same answer (Hypothesis)."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests import deck
from tests.charts.build import NOW, chart
from tests.charts.noise import noise
from tests.charts.request import request
from tests.charts.strategies import Facts, order_sign_facts, styles
from tests.charts.transform import (
    REFERENCE_FORMS,
    in_error,
    in_zone,
    later_by,
    referring,
    renamed,
    spaced,
    unordered,
    without_ids,
)
from tests.live import TestServer, fhir_server
from tests.properties import calls, cards, thorough

MOMENTS = [
    datetime(2027, 1, 1, 0, 0, 30, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 59, 30, tzinfo=UTC),
    datetime(2028, 3, 1, 12, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
]
WEEKS = (1, 6, 15, 70, -52)
"""Over the end of a year and over a leap day, and back."""
SERVER = "https://fhir.example.org/r4"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("metamorphic"))


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> dict[datetime, FlaskClient]:
    folder = tmp_path_factory.mktemp("later")
    return {now: deck.flask_client(folder, now) for now in MOMENTS}


@pytest.fixture(scope="module")
def weeks_later(tmp_path_factory: pytest.TempPathFactory) -> dict[int, FlaskClient]:
    folder = tmp_path_factory.mktemp("weeks")
    return {weeks: deck.flask_client(folder, NOW + timedelta(weeks=weeks)) for weeks in WEEKS}


@pytest.fixture(scope="module")
def fhir() -> Iterator[TestServer]:
    with fhir_server() as server:
        yield server


@thorough
@given(facts=order_sign_facts(), style=styles)
def test_milligrams_are_thousandths_of_a_gram(
    client: FlaskClient, facts: Facts, style: str
) -> None:
    dose = facts["order"]["dose"]
    in_mg = deck.merged(facts, {"order": {"unit": "mg"}})
    in_g = deck.merged(facts, {"order": {"unit": "g", "dose": dose / 1000}})
    first, second = (deck.ask(client, chart(f, style), "order-sign") for f in (in_mg, in_g))
    assert deck.items(first) == deck.items(second)


@thorough
@given(call=calls, style=styles, seed=st.integers(0, 1000))
def test_irrelevant_resources_change_nothing(
    client: FlaskClient, call: tuple[str, Facts], style: str, seed: int
) -> None:
    hook, facts = call
    quiet = chart(facts, style)
    loud = replace(quiet, resources=[*noise(90, seed, NOW), *quiet.resources])
    assert cards(deck.ask(client, loud, hook)) == cards(deck.ask(client, quiet, hook))


@thorough
@given(call=calls, style=styles, seed=st.integers(0, 1000))
def test_order_of_entries_changes_nothing(
    client: FlaskClient, call: tuple[str, Facts], style: str, seed: int
) -> None:
    """The same cards; of entries that are alike either may be cited, and in any order."""
    hook, facts = call
    sorted_chart = chart(facts, style)
    resources = list(sorted_chart.resources)
    random.Random(seed).shuffle(resources)
    shuffled = replace(sorted_chart, resources=resources)
    first, second = (cards(deck.ask(client, c, hook)) for c in (shuffled, sorted_chart))
    told, again = ([unordered(without_ids(card)) for card in shown] for shown in (first, second))
    assert told == again


@thorough
@given(call=calls, style=styles, seed=st.integers(0, 1000))
def test_ids_change_nothing(
    client: FlaskClient, call: tuple[str, Facts], style: str, seed: int
) -> None:
    hook, facts = call
    one = chart(facts, style)
    first, second = (cards(deck.ask(client, c, hook)) for c in (renamed(one, seed), one))
    assert [without_ids(card) for card in first] == [without_ids(card) for card in second]


@thorough
@given(call=calls, style=styles)
def test_white_space_changes_nothing(
    client: FlaskClient, call: tuple[str, Facts], style: str
) -> None:
    """Neither in the texts of the record nor in the JSON of the request.

    A suggestion may carry the order itself, which keeps the white space that the client sent.
    """
    hook, facts = call
    body = request(chart(facts, style), hook, "prefetch")
    wide = json.dumps(spaced(body), indent=3)
    answer = client.post(
        f"/cds-services/{deck.SERVICE_OF[hook]}",
        data=f"\n {wide} \n",
        content_type="application/json",
    )
    assert answer.status_code == 200
    spoken, plain = cards(answer.get_json()), cards(deck.post(client, hook, body))
    assert [c | {"suggestions": []} for c in spoken] == [c | {"suggestions": []} for c in plain]


@thorough
@given(call=calls, style=styles, form=st.sampled_from(sorted(REFERENCE_FORMS)))
def test_reference_style_changes_nothing(
    client: FlaskClient, call: tuple[str, Facts], style: str, form: str
) -> None:
    """Relative, versioned or absolute references below the server of the call."""
    hook, facts = call
    one = chart(facts, style)
    bodies = (request(c, hook, "prefetch", SERVER) for c in (one, referring(one, form, SERVER)))
    first, second = (cards(deck.post(client, hook, body)) for body in bodies)
    assert [c | {"suggestions": []} for c in first] == [c | {"suggestions": []} for c in second]


@thorough
@given(call=calls, other=calls, style=styles, seed=st.integers(0, 1000))
def test_a_whole_other_patient_changes_nothing(
    client: FlaskClient, call: tuple[str, Facts], other: tuple[str, Facts], style: str, seed: int
) -> None:
    hook, facts = call
    one = chart(facts, style)
    foreign = renamed(chart(other[1], style, patient_id="pt-2"), seed).resources
    mixed = replace(one, resources=[*foreign, *one.resources])
    assert cards(deck.ask(client, mixed, hook)) == cards(deck.ask(client, one, hook))


@settings(thorough, max_examples=25)
@given(call=calls, style=styles, size=st.integers(1, 4))
def test_pages_give_the_same_cards(
    client: FlaskClient, fhir: TestServer, call: tuple[str, Facts], style: str, size: int
) -> None:
    hook, facts = call
    one = chart(facts, style)
    fhir.load(one.resources)
    whole = cards(deck.post(client, hook, request(one, hook, "server", fhir.base)))
    with fhir.paged(size):
        assert cards(deck.post(client, hook, request(one, hook, "server", fhir.base))) == whole


@settings(thorough, max_examples=25)
@given(call=calls, style=styles)
def test_prefetch_and_server_give_the_same_cards(
    client: FlaskClient, fhir: TestServer, call: tuple[str, Facts], style: str
) -> None:
    hook, facts = call
    one = chart(facts, style)
    fhir.load(one.resources)
    given_ahead = cards(deck.post(client, hook, request(one, hook, "prefetch", fhir.base)))
    for mode in ("server", "mixed"):
        assert cards(deck.post(client, hook, request(one, hook, mode, fhir.base))) == given_ahead


@thorough
@given(call=calls, style=styles, moment=st.sampled_from(MOMENTS))
def test_shifting_all_dates_and_the_clock_changes_nothing(
    client: FlaskClient,
    later: dict[datetime, FlaskClient],
    call: tuple[str, Facts],
    style: str,
    moment: datetime,
) -> None:
    hook, facts = call
    shifted = deck.items(deck.ask(later[moment], chart(facts, style, moment), hook))
    assert shifted == deck.items(deck.ask(client, chart(facts, style), hook))


@thorough
@given(call=calls, style=styles, weeks=st.sampled_from(WEEKS))
def test_whole_weeks_change_nothing(
    client: FlaskClient,
    weeks_later: dict[int, FlaskClient],
    call: tuple[str, Facts],
    style: str,
    weeks: int,
) -> None:
    """The same record with every date moved, birthdays included; they lie months away."""
    hook, facts = call
    one = chart(facts, style)
    moved = deck.items(deck.ask(weeks_later[weeks], later_by(one, weeks), hook))
    assert moved == deck.items(deck.ask(client, one, hook))


@thorough
@given(call=calls, style=styles, minutes=st.integers(0, 14 * 60))
def test_time_zone_of_the_record_changes_nothing(
    client: FlaskClient, call: tuple[str, Facts], style: str, minutes: int
) -> None:
    """The same instants written in another zone."""
    hook, facts = call
    one = chart(facts, style)
    moved = replace(one, resources=[in_zone(r, minutes) for r in one.resources])
    assert deck.items(deck.ask(client, moved, hook)) == deck.items(deck.ask(client, one, hook))


@thorough
@given(call=calls, style=styles, data=st.data())
def test_entered_in_error_is_absent(
    client: FlaskClient, call: tuple[str, Facts], style: str, data: st.DataObject
) -> None:
    hook, facts = call
    one = chart(facts, style)
    places = [
        i for i, r in enumerate(one.resources) if r["resourceType"] not in ("Patient", "Specimen")
    ]
    assume(places)
    place = data.draw(st.sampled_from(places))
    gone = replace(one, resources=[r for i, r in enumerate(one.resources) if i != place])
    wrong = replace(
        one, resources=[in_error(r) if i == place else r for i, r in enumerate(one.resources)]
    )
    assert cards(deck.ask(client, wrong, hook)) == cards(deck.ask(client, gone, hook))
