"""The folder through which the figures of all workers add up.

prometheus_client writes one file per process and kind there, and decides so when it is first
loaded: `prepare` must come before. Files of dead workers stay, so that counters never go back.
Source: prometheus_client, Multiprocess Mode.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_MEMORY = Path("/dev/shm")  # noqa: S108 (memory of this host; the folder made there is private)

_made: Path | None = None
_folder: Path | None = None


def prepare() -> None:
    """Name and empty the folder, once per master: one of its own, or that of the variable."""
    global _folder, _made
    if _folder is not None:
        return
    given = os.environ.get(VARIABLE)
    if not given:
        memory = str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None
        _made = Path(tempfile.mkdtemp(prefix="lm-cds-metrics-", dir=memory))
    _folder = Path(given) if given else _made
    os.environ[VARIABLE] = str(_folder)
    for old in Path(os.environ[VARIABLE]).glob("*.db"):
        old.unlink()


def folder() -> Path | None:
    """The folder; None where this process counts for itself alone."""
    return _folder


def remove() -> None:
    """Take the folder away if `prepare` made it."""
    if _made is not None:
        shutil.rmtree(_made, ignore_errors=True)
