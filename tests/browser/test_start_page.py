"""The start page in Chromium: every story, both colour schemes, narrow screens, no JavaScript."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

import fhir_fixtures

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHECK = (Path(__file__).parent / "accessibility.js").read_text(encoding="utf-8")
CALLS = [(story.name, service) for story in fhir_fixtures.stories() for service in story.expected]
SIGN = "/?story=seven-items-at-once&service=lm-order-sign"
VIEW = "/?story=lung-two-nonpositive-samples&service=lm-patient-view"
NO_ORDERS = "/?story=lymphoma-facial-palsy&service=lm-order-sign"
OPEN_ALL = "document.querySelectorAll('details').forEach((each) => { each.open = true })"
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize(("story", "service"), CALLS)
def test_every_story_is_shown_and_accessible(
    page: Page, shared_base: str, story: str, service: str
) -> None:
    page.goto(f"{shared_base}/?story={story}&service={service}")
    known = next(each for each in fhir_fixtures.stories() if each.name == story)
    assert page.locator("h2").inner_text() == known.who
    page.evaluate(OPEN_ALL)
    assert page.evaluate(CHECK) == []
    expected = known.expected[service]
    assert (page.locator("article.card").count() > 0) == bool(expected)
    for text in page.locator("article.card").all_inner_texts():
        assert not re.search(r"\*\*|`|\]\(|&[a-z]+;|<[a-z]|^#", text), text
    assert page.locator(".applies").count() >= len({name for name, _ in expected})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", SIGN, VIEW, NO_ORDERS])
def test_pages_are_accessible_in_both_colour_schemes(
    page: Page, shared_base: str, path: str, scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(shared_base + path)
    page.evaluate(OPEN_ALL)
    assert page.evaluate(CHECK) == []


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        ("document.querySelector('label[for=story]').remove()", "no name"),
        ("document.querySelector('h2').remove()", "heading level 3 after 1"),
        ("document.querySelector('h1').remove()", "not exactly one h1"),
        ("document.querySelector('.lead').style.color = '#cccccc'", "contrast"),
        ("document.querySelector('.scale').style.fill = '#cccccc'", "contrast"),
        ("document.querySelector('svg').removeAttribute('aria-label')", "no name"),
        ("document.querySelector('.watermark').id = 'main'", "id main twice"),
        ("document.querySelector('legend').remove()", "no legend"),
        ("document.querySelector('button').style.height = '12px'", "smaller than"),
        ("document.querySelector('article').setAttribute('aria-labelledby', 'x')", "names nothing"),
    ],
)
def test_the_check_itself_finds_what_is_wrong(
    page: Page, shared_base: str, spoil: str, complaint: str
) -> None:
    page.goto(shared_base + VIEW)
    page.evaluate(spoil)
    assert any(complaint in problem for problem in page.evaluate(CHECK))


@pytest.mark.parametrize("width", [320, 390, 768, 1180])
@pytest.mark.parametrize("path", ["/", SIGN, VIEW])
def test_nothing_runs_over_the_edge(page: Page, shared_base: str, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(shared_base + path)
    page.evaluate(OPEN_ALL)
    assert page.evaluate(OVERFLOW) == 0
    for card in page.locator("article.card").all():
        assert card.evaluate("(node) => node.scrollWidth - node.clientWidth") == 0


def test_evidence_is_numbered_alike_on_the_timeline_and_in_the_table(
    page: Page, shared_base: str
) -> None:
    page.goto(shared_base + VIEW)
    shown = page.locator("details.applies[open]").first
    drawn = shown.locator("svg .dot text").all_text_contents()
    listed = shown.locator(".number").all_inner_texts()
    assert drawn == [str(number) for number in range(1, len(drawn) + 1)]
    assert set(listed) == set(drawn)
    dots = [dot.bounding_box() for dot in shown.locator("svg circle").all()]
    lefts = [box["x"] for box in dots if box]
    assert len(lefts) == len(drawn) > 3
    assert lefts == sorted(lefts)


def test_links_of_the_overview_open_what_they_name(page: Page, shared_base: str) -> None:
    page.goto(shared_base)
    assert page.locator("td.ask a").count() == len(CALLS)
    page.get_by_role("link", name=re.compile("Sign the orders.*vincristine-intrathecal")).click()
    assert "vincristine-intrathecal" in page.url
    assert page.locator("article.card.critical").count() > 0


def test_an_edited_request_is_sent(page: Page, shared_base: str) -> None:
    page.goto(shared_base + SIGN)
    assert page.locator("article.card").count() > 1
    field = page.get_by_label(re.compile("POST /cds-services/lm-order-sign"))
    request = orjson.loads(field.input_value())
    request["context"]["draftOrders"]["entry"] = []
    field.fill(orjson.dumps(request).decode())
    page.get_by_role("button", name="Send this request").click()
    assert page.locator("h2").inner_text() == "Your own request"
    assert "No card." in page.locator("main").inner_text()


def test_the_page_needs_no_javascript(plain_page: Page, base: str) -> None:
    page = plain_page
    page.goto(base)
    page.get_by_label("Patient", exact=True).select_option("seven-items-at-once")
    page.get_by_label(re.compile("Orders are signed")).first.check()
    page.get_by_role("button", name="Ask the service").click()
    assert page.locator("article.card.critical").count() > 0
    page.locator("ul.suggestions button").first.click()
    assert "Feedback was stored" in page.get_by_role("status").inner_text()


def test_a_server_of_ones_own(page: Page, shared_base: str) -> None:
    page.goto(shared_base)
    page.get_by_text("Use your own FHIR server").click()
    page.get_by_label("Base URL of a FHIR R4 server").fill("https://fhir.example.org/r4")
    page.get_by_label("Patient id").fill("breast-diplopia-and-headache")
    page.get_by_role("button", name="Ask about this patient").click()
    assert "may not be contacted" in page.get_by_role("alert").inner_text()
    field = page.get_by_label("Base URL of a FHIR R4 server")
    assert field.evaluate("(node) => node === document.activeElement")
    assert page.evaluate(CHECK) == []
    field.fill(f"{shared_base}/fhir")
    page.get_by_role("button", name="Ask about this patient").click()
    assert page.locator("article.card.warning").count() == 1
    assert page.locator("svg .dot").count() > 0
    assert "breast-diplopia" not in page.url
