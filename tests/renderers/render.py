"""The Markdown renderers in which card details are checked, in Node.js."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import orjson
import pytest

HERE = Path(__file__).parent


def rendered(texts: list[str]) -> dict[str, list[str]]:
    """The HTML of each text in each renderer."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("not-run: Node.js is not installed")
    if not (HERE / "node_modules").is_dir():
        pytest.skip("not-run: `npm ci` was not run in tests/renderers")
    done = subprocess.run(
        [node, "render.mjs"], cwd=HERE, input=orjson.dumps(texts), capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, list[str]] = orjson.loads(done.stdout)
    return found
