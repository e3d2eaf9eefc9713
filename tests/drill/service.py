"""The service as it is started, gunicorn with our configuration, for drills that need one."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]


def machine() -> str:
    """Where a drill ran."""
    return f"{os.cpu_count()} CPUs, {platform.system()}, Python {platform.python_version()}"


def today() -> str:
    """When a drill ran."""
    return datetime.now(UTC).date().isoformat()


def free_port() -> int:
    """A port of this host that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@dataclass
class Service:
    """A gunicorn of its own process group; what it writes is kept in `output`."""

    database_url: str
    workers: int = 2
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    output: bytearray = field(default_factory=bytearray)
    reader: threading.Thread = field(default_factory=threading.Thread)

    def start(self) -> None:
        """Start, and return when it is ready."""
        environ = {n: v for n, v in os.environ.items() if not n.startswith("LM_CDS_")}
        environ |= {"LM_CDS_PROFILE": "sandbox", "LM_CDS_DATABASE_URL": self.database_url}
        command = [sys.executable, "-m", "gunicorn", "-c", "cds_service/gunicorn_conf.py"]
        command += ["--workers", str(self.workers), "--bind", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        while not (line := self.process.stdout.readline()).startswith(b"Ready"):
            self.output += line
            if not line:
                raise RuntimeError(f"the service did not start: {self.output.decode()}")
        self.reader = threading.Thread(target=self._drain, args=(self.process.stdout,))
        self.reader.start()

    def _drain(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self.output += line

    def children(self) -> list[int]:
        """The process ids of the workers."""
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(each) for each in path.read_text().split()]

    def kill(self) -> None:
        """kill -9 of the whole process group."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.reader.join(10)

    def stop(self) -> None:
        """The orderly end."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(15)
            self.reader.join(10)
        except subprocess.TimeoutExpired:
            self.kill()


@contextmanager
def whole_service(workers: int = 1) -> Iterator[Service]:
    """A running service with an SQLite database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(f"sqlite:///{folder}/lm-cds.sqlite3", workers)
        service.start()
        try:
            yield service
        finally:
            service.stop()
