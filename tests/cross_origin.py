"""What a browser does with the requests of a page to other origins.

A request that is not simple is preceded by a preflight, and an answer that does not allow the
origin of the page is not shown to it. Source: Fetch standard, CORS protocol.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import requests

FORM = "application/x-www-form-urlencoded"
JsonObject = dict[str, Any]


class Blocked(Exception):
    """The browser would not have let the page see this answer (CORS)."""


@dataclass
class Sent:
    """One request of the robot, as it went out, and the status it got."""

    method: str
    url: str
    headers: dict[str, str]
    body: str
    status: int


@dataclass(frozen=True)
class Answer:
    """What the page sees of an answer."""

    status_code: int
    text: str

    @property
    def ok(self) -> bool:
        """As `Response.ok` of the Fetch standard."""
        return 200 <= self.status_code < 300

    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)


@dataclass
class CrossOrigin:
    """One page: its origin, and everything that it sent."""

    origin: str
    sent: list[Sent] = field(default_factory=list)

    def ask(
        self, method: str, url: str, headers: dict[str, str], body: JsonObject | str | None = None
    ) -> Answer:
        """One cross-origin request. Raises `Blocked`."""
        text = body if isinstance(body, str) else ""
        if isinstance(body, dict):
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            headers = {**headers, "Content-Type": "application/json"}
        return self.fetch(method, url, headers, text)

    def fetch(self, method: str, url: str, headers: dict[str, str], text: str) -> Answer:
        """One request, with its preflight where there must be one."""
        unsafe = sorted(name.lower() for name, value in headers.items() if _unsafe(name, value))
        if unsafe:
            self.preflight(method, url, unsafe)
        answer = self.send(method, url, headers, text)
        self.check_origin(answer)
        return Answer(answer.status_code, answer.text)

    def preflight(self, method: str, url: str, headers: list[str]) -> None:
        """Ask whether method and headers are allowed. Raises `Blocked`."""
        answer = self.send(
            "OPTIONS",
            url,
            {
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": ",".join(headers),
            },
        )
        self.check_origin(answer)
        allowed = answer.headers.get("Access-Control-Allow-Headers", "").lower()
        methods = answer.headers.get("Access-Control-Allow-Methods", "")
        if not answer.ok or method not in _listed(methods) or set(headers) - _listed(allowed):
            raise Blocked(f"preflight of {method} {url}")

    def check_origin(self, answer: requests.Response) -> None:
        """Raise `Blocked` unless the answer may be seen by the page."""
        if answer.headers.get("Access-Control-Allow-Origin") not in ("*", self.origin):
            raise Blocked(f"{answer.request.method} {answer.url}")

    def send(
        self, method: str, url: str, headers: dict[str, str], text: str = ""
    ) -> requests.Response:
        """Put one request on the wire and remember it."""
        sent = {**headers, "Origin": self.origin, "Referer": f"{self.origin}/"}
        data = text.encode() or None
        answer = requests.request(method, url, headers=sent, data=data, timeout=20)
        self.sent.append(Sent(method, url, sent, text, answer.status_code))
        return answer


def _unsafe(name: str, value: str) -> bool:
    """Whether a header makes a request not simple (Fetch standard, CORS-safelisted)."""
    if name == "Content-Type":
        return value not in (FORM, "text/plain")
    return name != "Accept"


def _listed(header: str) -> set[str]:
    return {part.strip() for part in header.split(",")}
