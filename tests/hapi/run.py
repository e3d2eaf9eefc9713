"""`make test-hapi`: all tests that need a HAPI server, on two servers, with what they need.

    python -m tests.hapi.run [pytest options]

They run on a server with pages of 20, at most 200, and on one with pages of 5, at most 10. Both
are started on free ports and stopped again, but where a server answers at `HAPI_URL` (default: that
of `make hapi`) it takes the place of the first. Without a JDK or Maven nothing can be started: that
is said as `not-run: no JDK` and is no failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests import debian
from tests.hapi import build
from tests.hapi.server import Options, answers, hapi_server

DEFAULT_URL = "http://127.0.0.1:8931/fhir"
FOLDER = Path(__file__).parent
SAME_ON_ANY_PAGE_SIZE = ["--ignore", str(FOLDER / "test_validate.py")]
SERVERS: tuple[tuple[Options, list[str]], ...] = (
    (Options(page_size=20, max_page_size=200), []),
    (Options(page_size=5, max_page_size=10), SAME_ON_ANY_PAGE_SIZE),
)


def main(options: list[str]) -> int:
    """Run the tests; the exit status."""
    debian.install(["javac", "mvn"])
    given = (os.environ.get("HAPI_URL") or DEFAULT_URL).rstrip("/")
    second, less = SERVERS[1]
    try:
        if answers(given):
            print(f"HAPI at {given}", flush=True)
            return max(_tests(given, options), _on_own_server(second, [*less, *options]))
        return max(_on_own_server(server, [*less, *options]) for server, less in SERVERS)
    except build.CannotBuild as problem:
        print(f"test-hapi: {problem}")
        return 1


def _on_own_server(server: Options, options: list[str]) -> int:
    if missing := build.missing_tool():
        print(f"not-run: no {missing} (pages of {server.page_size})")
        return 0
    begin = time.monotonic()
    with hapi_server(server) as base:
        pages = f"pages of {server.page_size}, at most {server.max_page_size}"
        print(f"HAPI with {pages}, ready after {time.monotonic() - begin:.0f} s", flush=True)
        return _tests(base, options)


def _tests(base: str, options: list[str]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "hapi", str(FOLDER), *options]
    return subprocess.run(command, env=os.environ | {"HAPI_URL": base}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
