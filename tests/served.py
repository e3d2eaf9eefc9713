"""The service as it is started, gunicorn with our configuration, for tests and drills."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
        return children(self.process)

    def terminate(self) -> None:
        """SIGTERM to the master alone, as a supervisor sends it."""
        self.process.send_signal(signal.SIGTERM)

    def lines(self) -> list[str]:
        return self.output.read_text("utf-8").splitlines()


def launch(
    environ: Mapping[str, str],
    port: int,
    output: Path,
    workers: int = 1,
    threads: int | None = None,
    root: Path = ROOT,
) -> subprocess.Popen[str]:
    """gunicorn with our configuration in a process group of its own, once it is ready.

    No setting of this process counts; what it writes goes to the end of `output`.
    """
    inherited = {n: value for n, value in os.environ.items() if not n.startswith("LM_CDS_")}
    command = [sys.executable, "-m", "gunicorn", "-c", "cds_service/gunicorn_conf.py"]
    command += ["--bind", f"127.0.0.1:{port}", "--workers", str(workers)]
    command += ["--threads", str(threads)] if threads else []
    with output.open("a", encoding="utf-8") as log:
        begin = log.tell()
        process = subprocess.Popen(
            command, cwd=root, env=inherited | environ, text=True, start_new_session=True,
            stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    _wait_until_ready(process, output, begin)
    return process


def _wait_until_ready(process: subprocess.Popen[str], output: Path, begin: int) -> None:
    while b"\nReady " not in (written := b"\n" + output.read_bytes()[begin:]):
        if process.poll() is not None:
            raise AssertionError(f"gunicorn ended with {process.returncode}: {written[-500:]!r}")
        time.sleep(0.05)


def end(process: subprocess.Popen[str]) -> int:
    """SIGTERM to the whole group; SIGKILL where that is not enough. The code that it ended with."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        return process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait(10)


def children(process: subprocess.Popen[str]) -> list[int]:
    """The process ids of the workers."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in path.read_text("ascii").split()]


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
    counted = folder / f"figures-{port}"
    counted.mkdir()
    environ = {f"LM_CDS_{name}": value for name, value in settings.items()}
    environ |= {"PYTHONPATH": str(root), "PROMETHEUS_MULTIPROC_DIR": str(counted)}
    output = folder / f"gunicorn-{port}.txt"
    process = launch(environ, port, output, workers, threads, root)
    running = Served(process, port, figures, output, counted)
    try:
        yield running
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        running.ended = process.wait(30)
