"""A proxy in front of a FHIR server: notes what is asked, and lets a test change it.

`Host` is passed on, so that the `next` links of the server lead back here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from tests.charts.fhir_server import _Quiet, serving

_PASSED = ("Accept", "Accept-Encoding", "Cache-Control", "Authorization")


@dataclass
class Proxy:
    """What a test may set, and what was asked (path and query below the base).

    `change` turns what was asked into what is asked instead, or into a status that is answered
    at once; `host` stands for the name under which the server is asked.
    """

    target: str
    base: str = ""
    asked: list[str] = field(default_factory=list)
    change: Callable[[str], str | int] = lambda query: query
    host: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Proxy

    def do_GET(self) -> None:
        """Ask the server in place of the client."""
        query = self.path.removeprefix("/fhir")
        with self.state.lock:
            self.state.asked.append(query)
            changed = self.state.change(query)
        if isinstance(changed, int):
            self._send(changed, b"", "text/plain")
        else:
            self._send(*self._fetched(changed))

    def _fetched(self, query: str) -> tuple[int, bytes, str]:
        target = urlsplit(self.state.target)
        headers = {name: self.headers[name] for name in _PASSED if name in self.headers}
        headers["Host"] = self.state.host or self.headers["Host"]
        connection = HTTPConnection(target.hostname or "", target.port, timeout=60)
        try:
            connection.request("GET", target.path + query, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers.get("Content-Type", "")
        finally:
            connection.close()

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


@contextmanager
def proxy(target: str) -> Iterator[Proxy]:
    """A running proxy on a free port of this host."""
    state = Proxy(target)
    server = _Quiet(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.base = f"http://127.0.0.1:{server.server_address[1]}/fhir"
    with serving(server):
        yield state
