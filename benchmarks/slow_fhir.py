"""A FHIR server that answers each query after a set time, with a small chart.

python -m benchmarks.slow_fhir PORT MILLISECONDS

`/stats` tells how many connections and queries there were. Answers are made once, and timers are
those of `select`, which are exact where those of `epoll` are late by up to a millisecond: what is
measured is the service.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import sys
from dataclasses import dataclass
from functools import cache
from typing import cast

PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1970-05-05"}
_CANCER = {
    "resourceType": "Condition",
    "id": "c",
    "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C50.9"}]},
    "recordedDate": "2026-01-01",
}


@cache
def _answer(target: str) -> bytes:
    """The HTTP answer to a query."""
    path = target.partition("?")[0].removeprefix("/fhir/")
    if path.startswith("Patient/"):
        return _http(PATIENT)
    found = [{"resource": _CANCER}] if path == "Condition" else []
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    return _http(bundle | ({"entry": found} if found else {}))


def _http(value: object) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


@dataclass
class _State:
    seconds: float
    connections: int = 0
    queries: int = 0


class _Connection(asyncio.Protocol):
    """One connection, any number of requests without a body."""

    def __init__(self, state: _State) -> None:
        self._state = state
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._state.connections += 1

    def data_received(self, data: bytes) -> None:
        *heads, self._received = (self._received + data).split(b"\r\n\r\n")
        for head in heads:
            self._reply(head.split(b" ", 2)[1].decode())

    def _reply(self, target: str) -> None:
        state = self._state
        if target == "/stats":
            state.connections -= 1
            found = {"connections": state.connections, "queries": state.queries}
            self._transport.write(_http(found))
        else:
            state.queries += 1
            loop = asyncio.get_running_loop()
            loop.call_later(state.seconds, self._transport.write, _answer(target))


async def _main(port: int, milliseconds: float) -> None:
    state = _State(milliseconds / 1000)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(state), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(
        loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())
    ) as runner:
        runner.run(_main(int(sys.argv[1]), float(sys.argv[2])))
