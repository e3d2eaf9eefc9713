"""Card details are inert and read well in the Sandbox's renderer and in two others.

Skipped, with the reason, without Node.js or before `npm ci` was run in this folder. Source of the
Sandbox's stack: cds-hooks/sandbox, card-list (react-markdown, remark-gfm, rehype-raw).
"""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.sandbox.markdown import render as our_html
from tests import deck
from tests.charts.build import chart
from tests.charts.request import request
from tests.contract.calls import PAIRS, call
from tests.renderers.render import rendered
from tests.test_examples import EXAMPLES

RENDERERS = ("sandbox", "marked", "markdown-it")
INERT = {"p", "strong", "em", "ul", "ol", "li", "code", "br", "h1", "h2", "h3", "h4"}
LEFTOVER = re.compile(r"\*\*|`|\]\(|&[a-z]+;|<[a-z/]|\\[!-/:-@\[-`{-~]|^\s*(?:[-*] |#+ )", re.M)


class Shown(HTMLParser):
    """Tags, attributes and visible text of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.words.append("\n" if tag in ("br", "li", "p") else "")
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def problems(html: str) -> list[str]:
    """What is not inert, or would look wrong to a reader."""
    shown = Shown(html)
    found = [f"tag {tag}" for tag in sorted(shown.tags - INERT)]
    found += [f"attribute {name}" for name, _ in shown.attributes]
    return found + [f"left over: {match[0]!r}" for match in LEFTOVER.finditer(shown.text)]


def cards_of(client: FlaskClient) -> list[Any]:
    """The cards of all test patients and of all examples in the recommendation files."""
    answers = [
        client.post(f"/cds-services/{service}", json=call(service, story.name)).get_json()
        for service, story in PAIRS
    ]
    answers += [
        deck.post(client, each.hook, request(chart(each.facts, "text"), each.hook, "prefetch"))
        for each in EXAMPLES
    ]
    return [card for answer in answers for card in answer["cards"]]


@pytest.fixture(scope="module")
def details(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    cards = cards_of(deck.flask_client(tmp_path_factory.mktemp("renderers")))
    found = sorted({card["detail"] for card in cards if "detail" in card})
    assert len(found) > 60
    return found


@pytest.mark.parametrize("renderer", RENDERERS)
def test_every_detail_is_inert_and_readable(details: list[str], renderer: str) -> None:
    pages = _cached(tuple(details))[renderer]
    bad = {
        text: found for text, html in zip(details, pages, strict=True) if (found := problems(html))
    }
    assert bad == {}


def test_the_start_page_shows_the_same_words(details: list[str]) -> None:
    pages = _cached(tuple(details))["sandbox"]
    for text, html in zip(details, pages, strict=True):
        assert Shown(str(our_html(text))).text.split() == Shown(html).text.split()


@pytest.mark.parametrize("renderer", RENDERERS)
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<img src=x onerror=alert(1)>", "tag img"),
        ("see https://example.org/x", "tag a"),
        ("a **bold word", "left over"),
        ("x &amp;amp; y", "left over"),
    ],
)
def test_the_check_itself_finds_what_is_wrong(renderer: str, text: str, problem: str) -> None:
    (html,) = rendered([text])[renderer]
    assert any(found.startswith(problem) for found in problems(html))


@cache
def _cached(texts: tuple[str, ...]) -> dict[str, list[str]]:
    return rendered(list(texts))
