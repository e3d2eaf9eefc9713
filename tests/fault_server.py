"""A FHIR server on a real socket that misbehaves on demand: hangs, drips, resets, lies.

`server.on(prefix, behaviour)` chooses what a request gets whose target starts with the prefix
(the longest prefix wins). A behaviour writes bytes and says whether the connection lives on.
Mock libraries open no socket and cannot show what a deadline is worth.
"""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

JSON = "application/fhir+json"


@dataclass
class Exchange:
    """One request as received, and the socket to answer on."""

    sock: socket.socket
    server: FaultServer
    target: str
    headers: dict[str, str]
    connection: int

    def send(self, body: bytes, status: str = "200 OK", kind: str = JSON, **headers: str) -> bool:
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return True


Behaviour = Callable[[Exchange], bool]


class FaultServer:
    """Listens on a free port of the loopback address; one thread per connection."""

    def __init__(self, tls: ssl.SSLContext | None = None, backlog: int = 64) -> None:
        self.requests: list[Exchange] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._routes: dict[str, Behaviour] = {"": status(404)}
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def base(self) -> str:
        host = "http://127.0.0.1" if self._tls is None else "https://localhost"
        return f"{host}:{self.port}/fhir"

    @property
    def targets(self) -> list[str]:
        return [request.target for request in self.requests]

    def on(self, prefix: str, behaviour: Behaviour) -> None:
        self._routes[f"/fhir{prefix}"] = behaviour

    def close(self) -> None:
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in list(self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True).start()

    def _serve(self, raw: socket.socket, connection: int) -> None:
        sock = raw
        with suppress(OSError, ssl.SSLError, ValueError):
            if self._tls is not None:
                sock = self._tls.wrap_socket(raw, server_side=True)
                self._open.add(sock)
            while (exchange := self._receive(sock, connection)) and self._behaviour(exchange):
                pass
        with suppress(OSError):
            sock.close()
        self._open -= {raw, sock}

    def _receive(self, sock: socket.socket, connection: int) -> Exchange | None:
        head = b""
        while b"\r\n\r\n" not in head:
            received = sock.recv(65_536)
            if not received:
                return None
            head += received
        first, *lines = head.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        exchange = Exchange(sock, self, first.split(" ")[1], headers, connection)
        self.requests.append(exchange)
        return exchange

    def _behaviour(self, exchange: Exchange) -> bool:
        prefixes = [prefix for prefix in self._routes if exchange.target.startswith(prefix)]
        return self._routes[max(prefixes, key=len)](exchange)


@contextmanager
def fault_server(**options: Any) -> Iterator[FaultServer]:
    server = FaultServer(**options)
    try:
        yield server
    finally:
        server.close()


def bundle(*resources: Any, **members: Any) -> dict[str, Any]:
    """A searchset Bundle; `next` becomes a link."""
    following = members.pop("next", None)
    links = [] if following is None else [{"relation": "next", "url": following}]
    entries = [{"resource": resource, "search": {"mode": "match"}} for resource in resources]
    found = {"entry": entries} if entries else {}
    return {"resourceType": "Bundle", "type": "searchset", "link": links, **found, **members}


def outcome(severity: str) -> dict[str, Any]:
    issue = {"severity": severity, "code": "processing", "diagnostics": "text of the server"}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def answer(value: Any, after: float = 0.0) -> Behaviour:
    """200 with a JSON value, after so many seconds."""
    body = json.dumps(value).encode()

    def behave(exchange: Exchange) -> bool:
        time.sleep(after)
        return exchange.send(body)

    return behave


def chunked(value: Any) -> Behaviour:
    body = json.dumps(value).encode()

    def behave(exchange: Exchange) -> bool:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        half = len(body) // 2
        parts = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:half], body[half:]))
        exchange.sock.sendall(head + parts + b"0\r\n\r\n")
        return True

    return behave


def status(code: int, value: Any = None) -> Behaviour:
    body = json.dumps(value or outcome("error")).encode()
    return lambda exchange: exchange.send(body, f"{code} Status")


def redirect(location: str, code: int = 302) -> Behaviour:
    return lambda exchange: exchange.send(b"moved", f"{code} Moved", Location=location)


def html(exchange: Exchange) -> bool:
    return exchange.send(b"<html><body>Sign in</body></html>", kind="text/html")


def hang(exchange: Exchange) -> bool:
    """Takes the request and never answers."""
    return exchange.server.stopping.wait() and False


def drip(head: bytes, piece: bytes, seconds: float = 0.01) -> Behaviour:
    """Sends the head, then the same bytes for ever, one piece at a time."""

    def behave(exchange: Exchange) -> bool:
        exchange.sock.sendall(head)
        while not exchange.server.stopping.wait(seconds):
            exchange.sock.sendall(piece)
        return False

    return behave


drip_headers = drip(b"HTTP/1.1 200 OK\r\nX-Padding: ", b"x")
drip_status = drip(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n")
drip_body = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n[", b" ")
drip_chunks = drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")
drip_refusal = drip(b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000\r\n\r\n", b" ")


def reset(exchange: Exchange) -> bool:
    """Half an answer, then RST."""
    exchange.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    exchange.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hang_up(exchange: Exchange) -> bool:
    """Closes without a word."""
    return False


def truncated(value: Any) -> Behaviour:
    """All of the body, but fewer bytes than announced."""
    body = json.dumps(value).encode()

    def behave(exchange: Exchange) -> bool:
        exchange.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) + 9))
        exchange.sock.sendall(body)
        return False

    return behave


def unfinished_chunks(exchange: Exchange) -> bool:
    exchange.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
    return False


def huge(size: int, *, announced: bool) -> Behaviour:
    """White space without end; with or without Content-Length."""

    def behave(exchange: Exchange) -> bool:
        length = b"Content-Length: %d\r\n" % size if announced else b""
        exchange.sock.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        for _ in range(size // 10_000):
            exchange.sock.sendall(b" " * 10_000)
        return False

    return behave


def gzip_bomb(size: int) -> Behaviour:
    body = gzip.compress(b"[" + b" " * size + b"]")
    return lambda exchange: exchange.send(body, Content_Encoding="gzip")


def endless_next(exchange: Exchange) -> bool:
    """Every page has a next page that was never seen."""
    count = len(exchange.server.requests)
    following = f"{exchange.server.base}?_getpages=x&page={count}"
    return answer(bundle({"resourceType": "Condition", "id": str(count)}, next=following))(exchange)


def garbage(exchange: Exchange) -> bool:
    exchange.sock.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
    return False
