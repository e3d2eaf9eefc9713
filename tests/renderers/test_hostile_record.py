"""3,000 hostile strings, put into every text of a record: the cards stay inert everywhere.

The strings go through the whole service, as names, codes, displays, units, notes, results and ids;
every summary, label and detail of the answers is then rendered in the three renderers.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests import deck
from tests.contract.calls import CHART, ORDER, PAIRS, call
from tests.hostile.markdown import hostile_texts
from tests.renderers.render import rendered
from tests.renderers.test_card_details import INERT, RENDERERS, Shown

COUNT = 3_000
KEPT = ("resourceType", "status", "intent", "system", "reference", "relation", "type", "mode")
"""Members whose change alone would make the resource somebody else's, or no resource."""


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where texts stand in a value."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from places(member, (*at, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*at, index))
    elif isinstance(value, str) and at[-1] not in KEPT and at[0] in ("prefetch", "context"):
        yield at


def put(body: Any, place: tuple[Any, ...], text: str, appended: bool) -> None:
    for step in place[:-1]:
        body = body[step]
    body[place[-1]] = f"{body[place[-1]]} {text}" if appended else text


def bodies(texts: list[str]) -> Iterator[tuple[str, Any]]:
    """Each text in several places of one story, alone or behind what stood there."""
    stories = [(service, call(service, story.name)) for service, story in PAIRS]
    stood = [[p for p in places(body) if p[:2] != ("context", "patientId")] for _, body in stories]
    turns = [0] * len(stories)
    for number, text in enumerate(texts):
        chosen = number % len(stories)
        service, body = stories[chosen]
        made = copy.deepcopy(body)
        for _ in range(6):
            place = stood[chosen][turns[chosen] % len(stood[chosen])]
            turns[chosen] += 1
            put(made, place, text, appended=bool(number // len(stories) % 2))
        yield service, made


def texts_of(card: dict[str, Any]) -> Iterator[str]:
    """Everything of a card that a person may be shown."""
    yield from (card["summary"], card.get("detail", ""), card["source"]["label"])
    for suggestion in card.get("suggestions", ()):
        yield suggestion["label"]
        yield from (action["description"] for action in suggestion.get("actions", ()))
    yield from (reason["display"] for reason in card.get("overrideReasons", ()))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    client: FlaskClient = deck.flask_client(Path(tmp_path_factory.mktemp("hostile-record")))
    found: dict[str, None] = {}
    answered = 0
    for service, body in bodies(hostile_texts(COUNT)):
        answer = client.post(f"/cds-services/{service}", data=json.dumps(body))
        assert answer.status_code in (200, 400, 412)
        answered += answer.status_code == 200
        for card in answer.json.get("cards", ()):
            found |= dict.fromkeys(text for text in texts_of(card) if text)
    assert answered > COUNT * 0.8
    return list(found)


def test_there_are_enough_strings_and_places() -> None:
    texts = hostile_texts(COUNT)
    assert len(set(texts)) == COUNT
    assert sum(len(list(places(call(service)))) for service in (CHART, ORDER)) > 100


@pytest.mark.parametrize("renderer", RENDERERS)
def test_no_text_of_a_record_comes_alive(shown: list[str], renderer: str) -> None:
    pages = rendered(shown)[renderer]
    alive = {}
    for text, html in zip(shown, pages, strict=True):
        page = Shown(html)
        if page.attributes or page.tags - INERT:
            alive[text] = html
    assert alive == {}


def test_no_control_character_is_shown(shown: list[str]) -> None:
    odd = {c for text in shown for c in text if c != "\n" and not c.isprintable()}
    assert odd == set()


def test_nothing_of_the_strings_is_repeated(shown: list[str]) -> None:
    tells = ("evil.example", "alert(1)", "<img", "<script", "javascript:", "gnp.exe", "OR 1=1")
    assert [text for text in shown if any(word in text for word in tells)] == []
