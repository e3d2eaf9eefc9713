"""The service as it is started, gunicorn with our configuration, for tests and drills."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """One running gunicorn: its ports, what it prints, and the folder through which it counts."""

    process: subprocess.Popen[str]
    port: int
    figures: int
    output: Path
    counted: Path
    ended: int | None = field(default=None)

    def ask(
        self, method: str, path: str, body: Any = None, port: int | None = None, **headers: str
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=30)
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer

    def get(self, path: str, port: int | None = None, **headers: str) -> Answer:
        return self.ask("GET", path, port=port, **headers)

    def post(self, path: str, body: Any) -> Answer:
        return self.ask("POST", path, body)

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text("utf-8").split()]

    def terminate(self) -> None:
        """SIGTERM to the master alone, as a supervisor sends it."""
        self.process.send_signal(signal.SIGTERM)

    def lines(self) -> list[str]:
        return self.output.read_text("utf-8").splitlines()


@contextmanager
def served(
    folder: Path, workers: int = 1, threads: int | None = None, root: Path = ROOT, **changes: str
) -> Iterator[Served]:
    """gunicorn on free ports, ready to be asked; a killed one is killed once more."""
    port, figures = free_port(), free_port()
    settings = {
        "PROFILE": "sandbox",
        "DATABASE_URL": f"sqlite:///{folder}/lm-cds.sqlite3",
        "METRICS_BIND": f"127.0.0.1:{figures}",
        "DRAIN_SECONDS": "0",
    } | changes
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LM_CDS_")}
    environ |= {f"LM_CDS_{name}": value for name, value in settings.items()}
    counted = folder / f"figures-{port}"
    counted.mkdir()
    environ |= {"PYTHONPATH": str(root), "PROMETHEUS_MULTIPROC_DIR": str(counted)}
    command = [sys.executable, "-m", "gunicorn", "-c", "cds_service/gunicorn_conf.py"]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
    command += ["--threads", str(threads)] if threads else []
    output = folder / f"gunicorn-{port}.txt"
    with output.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, cwd=root, env=environ, text=True, start_new_session=True,
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        running = Served(process, port, figures, output, counted)
        try:
            _wait_until_answered(running)
            yield running
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            running.ended = process.wait(30)


def _wait_until_answered(running: Served) -> None:
    while not any(line.startswith("Ready ") for line in running.lines()):
        try:
            code = running.process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"gunicorn ended with {code}: {running.lines()[-3:]}")
