"""A session of the public CDS Hooks Sandbox, its requests made by Chromium from its origin.

The page itself is empty: that of the Sandbox is on the internet. The robot says what it would
fetch; whether that is allowed, and what precedes it, is decided by the browser.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.serving import make_server

from cds_service import create_app
from tests.charts.fhir_server import serving
from tests.cross_origin import Answer, Blocked, CrossOrigin, Sent
from tests.live import settings
from tests.renderers.render import rendered
from tests.sandbox_robot import ORIGIN, Robot

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FETCH = """async ([method, url, headers, body]) => {
  try {
    const answer = await fetch(url, { method, headers, body: body || undefined });
    return [answer.status, await answer.text()];
  } catch (problem) { return [0, String(problem)]; }
}"""
SHOW = """(cards) => {
  for (const [summary, detail, label, url] of cards) {
    const card = document.createElement("article");
    card.innerHTML = detail;
    card.prepend(Object.assign(document.createElement("h2"), { textContent: summary }));
    card.append(Object.assign(document.createElement("a"), { textContent: label, href: url }));
    document.querySelector("main").append(card);
  }
}"""
EMPTY = "<!doctype html><title>Sandbox</title><main style='width: 22rem'></main>"
SUSPECT = "breast-diplopia-and-headache"
LATER = "lung-two-nonpositive-samples"


@dataclass
class Fetching(CrossOrigin):
    """A page in Chromium."""

    page: Page = field(kw_only=True)

    def fetch(self, method: str, url: str, headers: dict[str, str], text: str) -> Answer:
        """`fetch` of the browser. Raises `Blocked` where it is refused."""
        status, body = self.page.evaluate(FETCH, [method, url, headers, text])
        if status == 0:
            raise Blocked(f"{method} {url}: {body}")
        self.sent.append(Sent(method, url, headers, text, status))
        return Answer(status, body)


@dataclass
class Service:
    """The running application, and the methods and paths that reached it."""

    base: str
    reached: list[tuple[str, str]]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    app = create_app(settings(tmp_path, datetime.now(UTC)))
    reached: list[tuple[str, str]] = []

    def noted(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        reached.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        return app(environ, start)

    server = make_server("127.0.0.1", 0, noted, threaded=True)
    with serving(server):
        yield Service(f"http://127.0.0.1:{server.server_port}", reached)


def page_of(browser: Browser, origin: str) -> Page:
    """An empty page of an origin that needs no network."""
    context = browser.new_context(permissions=["local-network-access"])
    page = context.new_page()
    address = f"{origin}/"
    page.route(address, lambda route: route.fulfill(body=EMPTY, content_type="text/html"))
    page.goto(address)
    page.unroute(address)  # While a route is set, Playwright answers preflights by itself.
    return page


@pytest.fixture
def robot(browser: Browser, service: Service) -> Iterator[Robot]:
    page = page_of(browser, ORIGIN)
    driver = Fetching(ORIGIN, page=page)
    yield Robot(f"{service.base}/cds-services", f"{service.base}/fhir", driver)
    page.context.close()


def ids(cards: list[dict[str, Any]]) -> list[str]:
    return [card["source"]["topic"]["code"] for card in cards]


def test_a_whole_session_in_chromium(robot: Robot, service: Service) -> None:
    cards = robot.open(SUSPECT)
    assert ids(cards) == ["suspected-lm"]
    assert robot.accept(cards[0], cards[0]["suggestions"][0]) == 204
    cards = robot.change_patient(LATER)
    assert ids(cards) == ["two-nonpositive-csf"]
    assert robot.dismiss(cards[0], cards[0]["overrideReasons"][0]) == 204
    assert robot.change_patient(LATER) == []
    assert robot.sign() == []
    for path in ("", "/lm-patient-view", "/lm-order-sign", "/lm-patient-view/feedback"):
        assert ("OPTIONS", f"/cds-services{path}") in service.reached


def test_cards_read_well_in_the_column_of_the_sandbox(robot: Robot) -> None:
    cards = [card for patient in (SUSPECT, LATER) for card in robot.open(patient)]
    details = rendered([card["detail"] for card in cards])["sandbox"]
    page = robot.browser.page  # type: ignore[attr-defined]
    shown = [
        [card["summary"], detail, card["source"]["label"], card["source"]["url"]]
        for card, detail in zip(cards, details, strict=True)
    ]
    page.evaluate(SHOW, shown)
    for card in page.locator("article").all():
        assert card.evaluate("(node) => node.scrollWidth - node.clientWidth") == 0
        assert card.evaluate("(node) => node.clientHeight") < 1600
    link, title = page.locator("article a").first, cards[0]["source"]["topic"]["display"]
    link.click()
    assert page.locator("h1").inner_text() == title


def test_chromium_keeps_another_origin_out(browser: Browser, service: Service) -> None:
    page = page_of(browser, "https://evil.example")
    driver = Fetching("https://evil.example", page=page)
    with pytest.raises(Blocked):
        Robot(f"{service.base}/cds-services", f"{service.base}/fhir", driver).open(SUSPECT)
    page.context.close()
