"""A minimal FHIR server on a real socket, with a switchable fault for each need.

It answers searches and reads from a list of resources; `page` limits the entries per answer, so
that paging is exercised.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from tests.charts.search import SHAPING, answer, bundle, need_queries, plain
from tests.charts.vocabulary import JsonObject

FAULTS = (
    "500",
    "403",
    "404",
    "429",
    "503",
    "hang",
    "drop",
    "truncated",
    "next-500",
    "not-json",
    "redirect",
)
"""What `TestServer.faults` may ask of the answer to one need."""

REFUSED = "400"
"""A fault of the first query only: the server refuses it, its fallbacks work."""


@dataclass
class TestServer:
    """State of the FHIR server: what it holds, how it misbehaves, what it was asked."""

    __test__ = False

    resources: list[JsonObject] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    page: int = 120
    queries: list[str] = field(default_factory=list)
    base: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    def load(self, resources: list[JsonObject], faults: dict[str, str] | None = None) -> None:
        """Hold these resources and misbehave in these ways, by need key."""
        self.resources, self.faults, self.queries = resources, dict(faults or {}), []

    @contextmanager
    def paged(self, size: int) -> Iterator[None]:
        """At most so many entries per answer."""
        before, self.page = self.page, size
        try:
            yield
        finally:
            self.page = before

    def fault(self, query: str, patient_id: str) -> str | None:
        """The fault of the need that this query (or fallback query, or read) belongs to."""
        for key, name in self.faults.items():
            shaping = ("_sort", "_page") if name == REFUSED else SHAPING
            queries = need_queries(key, patient_id, shaping)
            asked = plain(query, shaping) in (queries[:1] if name == REFUSED else queries)
            read = key == "specimens" and name != REFUSED and query.startswith("Specimen/")
            if asked or read:
                return name
        return None


class _Handler(BaseHTTPRequestHandler):
    """Answers GET requests below /fhir from the state of its server."""

    protocol_version = "HTTP/1.1"
    state: TestServer

    def do_GET(self) -> None:
        """Read or search."""
        query = self.path.removeprefix("/fhir/")
        self.state.queries.append(unquote(query))
        fault = self.state.fault(query, self._patient_id(query))
        if fault is None:
            self._reply(*self._answer(query))
        else:
            self._misbehave(fault, query)

    def _patient_id(self, query: str) -> str:
        """The patient that a query names."""
        parts = urlsplit(query)
        return dict(parse_qsl(parts.query)).get("patient", parts.path.split("/")[-1])

    def _answer(self, query: str) -> tuple[int, JsonObject]:
        """Status and body of an undisturbed answer."""
        if query == "broken-page":
            return 500, {}
        found = answer(self.state.resources, query)
        if found is None:
            return 404, {
                "resourceType": "OperationOutcome",
                "issue": [{"severity": "error", "code": "not-found"}],
            }
        return 200, self._page(found, query) if isinstance(found, list) else found

    def _page(self, found: list[JsonObject], query: str) -> JsonObject:
        """One page of a search, with a next link where more follows."""
        parts = urlsplit(query)
        parameters = dict(parse_qsl(parts.query))
        start = int(parameters.get("_page", 0))
        size = min(self.state.page, int(parameters.get("_count", 50)))
        shown = bundle(found[start : start + size], self.state.base) | {"total": len(found)}
        if start + size < len(found):
            following = urlencode(parameters | {"_page": str(start + size)})
            shown["link"] = [
                {"relation": "next", "url": f"{self.state.base}/{parts.path}?{following}"}
            ]
        return shown

    def _misbehave(self, fault: str, query: str) -> None:
        """One of `FAULTS`."""
        if fault == "hang":
            self.state.released.wait(20)
            self.close_connection = True
        elif fault == "drop":
            self.close_connection = True
        elif fault == "not-json":
            self._send(200, b"<html>login</html>", "text/html")
        elif fault == "redirect":
            self._send(302, b"", "text/plain", Location=f"{self.state.base}/elsewhere")
        elif fault in ("truncated", "next-500"):
            self._reply(200, self._cut(query, fault))
        else:
            self._reply(
                int(fault),
                {
                    "resourceType": "OperationOutcome",
                    "issue": [{"severity": "error", "code": "exception"}],
                },
            )

    def _cut(self, query: str, fault: str) -> JsonObject:
        """An answer that is known to be incomplete."""
        found = answer(self.state.resources, query)
        shown = bundle(found if isinstance(found, list) else [], self.state.base)
        if fault == "truncated":
            return shown | {"total": shown["total"] + 5}
        return shown | {"link": [{"relation": "next", "url": f"{self.state.base}/broken-page"}]}

    def _reply(self, status: int, body: JsonObject) -> None:
        """A FHIR JSON answer."""
        self._send(status, json.dumps(body).encode(), "application/fhir+json")

    def _send(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        """Bytes with status and headers."""
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


class _Quiet(ThreadingHTTPServer):
    """A threading server that does not print the tracebacks of clients that went away."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests."""


@contextmanager
def fhir_server() -> Iterator[TestServer]:
    """A running FHIR server on a free port of this host."""
    state = TestServer()
    handler = type("Handler", (_Handler,), {"state": state})
    server = _Quiet(("127.0.0.1", 0), handler)
    state.base = f"http://127.0.0.1:{server.server_address[1]}/fhir"
    with serving(server):
        yield state
        state.released.set()


@contextmanager
def serving(server: Any) -> Iterator[None]:
    """Serve in a thread until the block ends."""
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()
