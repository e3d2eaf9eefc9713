"""The service as it is started, for drills: gunicorn with our configuration and one worker."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.served import children, end, free_port, launch


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
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        values = {"PROFILE": "sandbox", "DATABASE_URL": f"sqlite:///{folder}/lm.sqlite3"} | settings
        environ = {f"LM_CDS_{name}": str(value) for name, value in values.items()}
        process = launch(environ, port, folder / "gunicorn.txt")
        try:
            yield Running(f"http://127.0.0.1:{port}", children(process)[0])
        finally:
            end(process)
