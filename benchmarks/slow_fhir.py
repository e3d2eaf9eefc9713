"""A FHIR server that answers each query after a set time, with a small chart.

python -m benchmarks.slow_fhir PORT MILLISECONDS

`/stats` tells how many connections and queries there were.
"""

from __future__ import annotations

import asyncio
import json
import sys

PATIENT = {"resourceType": "Patient", "id": "p", "birthDate": "1970-05-05"}
_CANCER = {
    "resourceType": "Condition",
    "id": "c",
    "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "C50.9"}]},
    "recordedDate": "2026-01-01",
}


def _answer(target: str) -> bytes:
    path = target.partition("?")[0].removeprefix("/fhir/")
    if path.startswith("Patient/"):
        return json.dumps(PATIENT).encode()
    found = [{"resource": _CANCER}] if path == "Condition" else []
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    return json.dumps(bundle | ({"entry": found} if found else {})).encode()


class _Server:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.connections = self.queries = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, any number of requests."""
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                target = head.split(b" ", 2)[1].decode()
                writer.write(await self._reply(target))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _reply(self, target: str) -> bytes:
        if target == "/stats":
            self.connections -= 1
            body = json.dumps({"connections": self.connections, "queries": self.queries}).encode()
        else:
            self.queries += 1
            await asyncio.sleep(self.seconds)
            body = _answer(target)
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: {len(body)}"
        )
        return head.encode() + b"\r\n\r\n" + body


async def _main(port: int, milliseconds: float) -> None:
    state = _Server(milliseconds / 1000)
    server = await asyncio.start_server(state.serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2])))
