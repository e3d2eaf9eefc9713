"""The catalogue in Chromium: reachable, accessible, nothing over the edge, no JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hooks import SERVICES
from tests.browser.test_start_page import CHECK, OVERFLOW, SIGN

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = [name for service in SERVICES.values() for name in service.catalogue.recommendations]
PATHS = ["/catalogue", "/recommendations/repeat-lp", "/recommendations/mtx-allergy"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_pages_are_accessible_in_both_colour_schemes(
    page: Page, shared_base: str, path: str, scheme: str
) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(shared_base + path)
    assert page.evaluate(CHECK) == []
    assert page.locator(".sign-off").inner_text() == "No clinician has signed this content off yet."


def test_every_page_is_accessible(page: Page, shared_base: str) -> None:
    for name in NAMES:
        page.goto(f"{shared_base}/recommendations/{name}")
        assert page.evaluate(CHECK) == [], name


@pytest.mark.parametrize("width", [320, 390, 768, 1180])
@pytest.mark.parametrize("path", PATHS)
def test_nothing_runs_over_the_edge(page: Page, shared_base: str, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(shared_base + path)
    assert page.evaluate(OVERFLOW) == 0


def test_the_way_from_the_start_page_to_a_statement_and_back(
    plain_page: Page, shared_base: str
) -> None:
    page = plain_page
    page.goto(shared_base)
    page.get_by_role("link", name="Catalogue of recommendations").click()
    page.get_by_role("link", name="CSF flow before intrathecal methotrexate").click()
    assert page.url == f"{shared_base}/recommendations/mtx-csf-flow"
    page.get_by_role("link", name="S37").click()
    assert page.url == f"{shared_base}/catalogue#S37"


def test_the_source_of_a_card_leads_to_its_page(page: Page, shared_base: str) -> None:
    page.goto(shared_base + SIGN)
    card = page.locator("article.card.critical").first
    topic = card.locator(".source .quiet").inner_text()
    card.locator(".source a").click()
    assert page.url == f"{shared_base}/recommendations/{topic}"
