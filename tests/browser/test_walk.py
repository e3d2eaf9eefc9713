"""The walk of a user through the start page, with the keyboard and with the mouse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.config import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIGN = "/?story=shunt-and-planned-proton-csi&service=lm-order-sign"
VIEW = "/?story=lung-two-nonpositive-samples&service=lm-patient-view"
ACTIVE = "document.activeElement"


def stored(configured: Settings, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What `lm-cds feedback --json` prints."""
    monkeypatch.setenv("LM_CDS_PROFILE", "sandbox")
    monkeypatch.setenv("LM_CDS_DATABASE_URL", configured.database_url)
    result = CliRunner().invoke(main, ["feedback", "--json"])
    assert result.exit_code == 0, result.output
    rows: list[Any] = orjson.loads(result.stdout)
    return rows


def test_open_accept_override_and_read_the_feedback(
    page: Page, base: str, configured: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.goto(f"{base}/")
    page.get_by_label("Patient", exact=True).select_option("lung-two-nonpositive-samples")
    page.get_by_role("button", name="Ask the service").click()
    assert page.locator("h2").inner_text() == "67-year-old man, lung cancer"
    page.get_by_role("button", name="Draft MDT referral").click()
    assert "Feedback was stored" in page.get_by_role("status").inner_text()

    reason = page.locator("select[name=reason]")
    chosen = reason.locator("option").nth(1)
    code = str(chosen.get_attribute("value")).split("|")[-1]
    reason.select_option(index=1)
    page.get_by_role("button", name="Dismiss").click()
    assert "Feedback was stored" in page.get_by_role("status").inner_text()
    assert "No card." in page.locator("main").inner_text()

    rows = stored(configured, monkeypatch)
    assert {row["outcome"] for row in rows} == {"accepted", "overridden"}
    assert {item["recommendation"] for row in rows for item in row["items"]} == {
        "two-nonpositive-csf"
    }
    overridden = next(row for row in rows if row["outcome"] == "overridden")
    assert [each["code"] for each in overridden["overrideReasons"]] == [code]


def press_until(page: Page, is_there: str) -> int:
    """Press Tab until the focused element fulfils a JavaScript condition; how often it took."""
    for count in range(1, 80):
        page.keyboard.press("Tab")
        assert page.evaluate(f"getComputedStyle({ACTIVE}).outlineStyle") != "none"
        if page.evaluate(f"((node) => {is_there})({ACTIVE})"):
            return count
    raise AssertionError(f"not reached with the keyboard: {is_there}")


def test_the_whole_way_with_the_keyboard(page: Page, base: str) -> None:
    page.goto(f"{base}/")
    page.keyboard.press("Tab")
    assert page.evaluate(f"{ACTIVE}.textContent") == "Skip to the content"
    assert page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")

    page.goto(f"{base}/")
    press_until(page, "node.id === 'story'")
    page.keyboard.type("54-year-old woman")
    press_until(page, "node.name === 'service'")
    press_until(page, "node.textContent === 'Ask the service'")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "breast-diplopia-and-headache" in page.url

    press_until(page, "node.name === 'suggestion'")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "Feedback was stored" in page.get_by_role("status").inner_text()

    press_until(page, "node.name === 'reason'")
    page.keyboard.press("ArrowDown")
    press_until(page, "node.textContent === 'Dismiss'")
    with page.expect_navigation():
        page.keyboard.press("Space")
    assert "No card." in page.locator("main").inner_text()


def test_details_open_with_the_keyboard(page: Page, shared_base: str) -> None:
    page.goto(shared_base + SIGN)
    closed = page.locator("details.tell").first
    assert closed.get_attribute("open") is None
    press_until(page, "node.tagName === 'SUMMARY' && node.parentElement.className === 'tell'")
    page.keyboard.press("Enter")
    assert closed.get_attribute("open") is not None


def picture(page: Page, path: Path) -> None:
    """Take a picture, twice if need be: Chromium refuses one now and then as a page settles."""
    from playwright.sync_api import Error

    try:
        page.screenshot(path=path)
    except Error as refused:
        if "Unable to capture screenshot" not in refused.message:
            raise
        page.wait_for_timeout(250)
        page.screenshot(path=path)


@pytest.mark.parametrize(
    ("name", "path", "width", "height"),
    [
        ("start-page", SIGN, 1180, 1240),
        ("start-page-why", VIEW, 1180, 820),
        ("start-page-phone", VIEW, 390, 844),
    ],
)
def test_screenshots(
    page: Page, base: str, screenshots: Path, name: str, path: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(base + path)
    page.reload()  # The first call of a process takes longer than any later one.
    if name.endswith("why"):
        page.locator("#why-title").evaluate("(node) => node.scrollIntoView()")
        page.mouse.wheel(0, -60)
        page.wait_for_timeout(200)
    screenshots.mkdir(parents=True, exist_ok=True)
    picture(page, screenshots / f"{name}.png")
    assert (screenshots / f"{name}.png").stat().st_size > 10_000
    assert re.match("Leptomeningeal|.* – Leptomeningeal", page.title())


def test_screenshots_of_the_answers(page: Page, base: str, screenshots: Path) -> None:
    """What a user sees after accepting a suggestion, and after overriding a card with a reason."""
    page.set_viewport_size({"width": 1180, "height": 640})
    page.goto(base + VIEW)
    with page.expect_navigation():
        page.get_by_role("button", name="Draft MDT referral").click()
    picture(page, screenshots / "start-page-accepted.png")
    page.locator("select[name=reason]").select_option(index=1)
    with page.expect_navigation():
        page.get_by_role("button", name="Dismiss").click()
    picture(page, screenshots / "start-page-overridden.png")
    assert "Feedback was stored" in page.get_by_role("status").inner_text()
