"""An open-loop load generator: calls arrive when they arrive, whether earlier ones are answered.

Run as a process of its own (`python -m tests.drill.load` reads a plan from standard input), so
that it computes beside the service and not with it.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

_CLIENT_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """One call: what it was, when it was due and how late its answer came (seconds), the status.

    Status 0 stands for no answer.
    """

    kind: str
    due: float
    seconds: float
    status: int


@dataclass(frozen=True)
class Plan:
    """What to send where: bodies by path, shares of the paths, and (calls per s, seconds) stages.

    A stage with `clients` is a closed loop of so many clients instead.
    """

    port: int
    bodies: dict[str, str]
    shares: dict[str, float]
    stages: list[dict[str, float]]
    seed: int = 1


def run(plan: Plan) -> list[Answer]:
    """Carry a plan out in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.drill.load"],
        input=json.dumps(asdict(plan)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [Answer(*row) for row in json.loads(done.stdout)]


class Generator:
    """Connections that are kept, and the answers so far."""

    def __init__(self, plan: Plan) -> None:
        self.answers: list[Answer] = []
        self._plan = plan
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._requests = {path: _request(path, text) for path, text in plan.bodies.items()}
        self._random = random.Random(plan.seed)
        self._began = time.monotonic()

    async def all_stages(self) -> None:
        for stage in self._plan.stages:
            if "clients" in stage:
                await self._closed(int(stage["clients"]), stage["seconds"])
            else:
                await self._open(stage["rate"], stage["seconds"])

    async def _closed(self, clients: int, seconds: float) -> None:
        end = time.monotonic() + seconds

        async def client() -> None:
            while time.monotonic() < end:
                await self._call(self._kind(), time.monotonic())

        await asyncio.gather(*(client() for _ in range(clients)))

    async def _open(self, rate: float, seconds: float) -> None:
        due = time.monotonic()
        end, running = due + seconds, []
        while due < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            running.append(asyncio.create_task(self._call(self._kind(), due)))
            due += self._random.expovariate(rate)
        if rate == self._plan.stages[-1].get("rate"):
            await asyncio.gather(*running)
        self._held = running

    def _kind(self) -> str:
        shares = self._plan.shares
        return self._random.choices(list(shares), list(shares.values()))[0]

    async def _call(self, kind: str, due: float) -> None:
        try:
            status = await asyncio.wait_for(self._exchange(kind), _CLIENT_SECONDS)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            status = 0
        now = time.monotonic()
        self.answers.append(Answer(kind, due - self._began, now - due, status))

    async def _exchange(self, kind: str) -> int:
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._plan.port)
        try:
            writer.write(self._requests[kind])
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")
            length = next(line for line in lines if line.startswith("content-length:"))
            await reader.readexactly(int(length.split(":")[1]))
        except BaseException:
            writer.close()
            raise
        if "connection: close" in lines:
            writer.close()
        else:
            self._idle.append((reader, writer))
        return int(head.split()[1])


def _request(path: str, text: str) -> bytes:
    body = text.encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def main() -> None:
    plan: dict[str, Any] = json.load(sys.stdin)
    generator = Generator(Plan(**plan))
    asyncio.run(generator.all_stages())
    rows = [[a.kind, a.due, a.seconds, a.status] for a in generator.answers]
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
