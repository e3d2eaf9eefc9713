"""The service as it is started, for drills: gunicorn with our configuration and one worker."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Running:
    """A running service: its base URL and the process id of its worker."""

    base: str
    worker: int

    @property
    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.worker}/task").iterdir()))

    @property
    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.worker}/fd").iterdir()))

    @property
    def megabytes(self) -> float:
        """Memory in use (RSS)."""
        pages = int(Path(f"/proc/{self.worker}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def gunicorn(**settings: object) -> Iterator[Running]:
    """The service in the sandbox profile with some settings; it is stopped at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        values = {"PROFILE": "sandbox", "DATABASE_URL": f"sqlite:///{folder}/lm.sqlite3"} | settings
        environ = {n: value for n, value in os.environ.items() if not n.startswith("LM_CDS_")}
        environ |= {f"LM_CDS_{name}": str(value) for name, value in values.items()}
        command = [sys.executable, "-m", "gunicorn", "-c", "cds_service/gunicorn_conf.py"]
        process = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{port}"],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("Ready"), "the service did not start"
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            yield Running(f"http://127.0.0.1:{port}", int(children.read_text("ascii").split()[0]))
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)
            process.stdout.close()


def machine() -> str:
    """On what a drill ran."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}"


def today() -> str:
    """When a drill ran."""
    return datetime.now(UTC).date().isoformat()
