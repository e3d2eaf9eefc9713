"""Chromium, and the real application on a socket with a fixed clock.

Marker `browser`; skipped, with the reason, where Playwright or Chromium is missing. Debian's
Chromium is enough: Playwright drives the browser that is installed and downloads none.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cds_service.config import Settings
from tests.contract.calls import NOW
from tests.live import application, settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs Chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)


def chromium() -> str | None:
    """The browser to drive: `CHROMIUM` of the environment, else the first one on the path."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium with a profile of its own."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = chromium()
    if path is None:
        pytest.skip("not-run: no Chromium is installed (set CHROMIUM to its path)")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def configured(tmp_path: Path) -> Settings:
    """Sandbox settings with a fixed clock and an empty database."""
    return settings(tmp_path, NOW)


@pytest.fixture
def base(configured: Settings) -> Iterator[str]:
    """The base URL of the running application."""
    with application(configured) as url:
        yield url


@pytest.fixture(scope="session")
def shared_base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One application for all tests that leave no feedback behind."""
    with application(settings(tmp_path_factory.mktemp("shared"), NOW)) as url:
        yield url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails its test if anything is blocked, wrong or asked of another host."""
    context = browser.new_context(viewport={"width": 1180, "height": 900})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(f"console: {message.text}"))
    opened.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    opened.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith("http://127.0.0.1:")] == []


@pytest.fixture
def plain_page(browser: Browser) -> Iterator[Page]:
    """A page without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where screenshots go: the folder that `SCREENSHOTS` names, else a temporary one."""
    return Path(os.environ.get("SCREENSHOTS") or tmp_path)
