"""A service that drills kill and start again, on one database and one port."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.served import children, end, free_port, launch


@dataclass
class Service:
    """A gunicorn of its own process group; what it writes is kept in `output`."""

    database_url: str
    folder: Path
    workers: int = 2
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    @property
    def output(self) -> bytes:
        """What all its processes wrote."""
        return (self.folder / f"gunicorn-{self.port}.txt").read_bytes()

    def start(self) -> None:
        """Start, and return when it is ready."""
        environ = {"LM_CDS_PROFILE": "sandbox", "LM_CDS_DATABASE_URL": self.database_url}
        output = self.folder / f"gunicorn-{self.port}.txt"
        self.process = launch(environ, self.port, output, self.workers)

    def children(self) -> list[int]:
        """The process ids of the workers."""
        return children(self._running())

    def kill(self) -> None:
        """kill -9 of the whole process group."""
        process = self._running()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

    def stop(self) -> None:
        """The orderly end."""
        end(self._running())

    def _running(self) -> subprocess.Popen[str]:
        assert self.process is not None
        return self.process


@contextmanager
def whole_service(workers: int = 1) -> Iterator[Service]:
    """A running service with an SQLite database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(f"sqlite:///{folder}/lm-cds.sqlite3", Path(folder), workers)
        service.start()
        try:
            yield service
        finally:
            service.stop()
