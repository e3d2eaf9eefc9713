"""`python -m tests.postgres.run`: the tests of the store on a PostgreSQL server of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests import debian
from tests.postgres import cluster

ROOT = Path(__file__).parents[2]
TESTS = (
    "tests/unit/cds_service/test_store.py",
    "tests/unit/cds_service/test_store_faults.py",
    "tests/unit/cds_service/test_migrations.py",
    "tests/postgres",
)


def main(arguments: list[str]) -> int:
    """The exit code of pytest; 0 with `not-run` where no server can be had."""
    folder = cluster.binaries()
    if folder is None:
        debian.install(["initdb"])
        folder = cluster.binaries()
    if folder is None:
        print("not-run: no PostgreSQL")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with cluster.running(folder) as url:
        print(f"PostgreSQL from {folder}", flush=True)
        command = [sys.executable, "-m", "pytest", *TESTS, *arguments]
        environ = os.environ | {"STORE_TEST_POSTGRESQL": url}
        return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
