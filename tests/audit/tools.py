"""The tools of the audit, in an environment of their own (`make .venv/.audit`)."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = ROOT / ".venv" / "audit" / "bin"


def tool(name: str) -> str:
    """The path of a tool."""
    return str(BIN / name)


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a tool in the folder of the project; it may fail."""
    # semgrep looks for its core on the path.
    environ = os.environ | {"PATH": f"{BIN}:{os.environ.get('PATH', '')}"}
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


def version(name: str) -> str:
    """Name and pinned version of a tool."""
    lock = (ROOT / "requirements-audit.lock").read_text("utf-8").splitlines()
    pinned = next(line for line in lock if line.startswith(f"{name}=="))
    return pinned.split(" ")[0].replace("==", " ")
