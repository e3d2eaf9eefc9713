"""Starts and stops a HAPI server on this host.

    python -m tests.hapi.server --port 8931 [--page-size 20 --max-page-size 200]

runs one in the foreground until SIGTERM or Ctrl-C. Its data are in memory and end with it.
"""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.hapi import build

START_SECONDS = 180
STOP_SECONDS = 15
JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx1g")
"""Half the processor time and memory of a start without them."""
SEARCH_CACHE_MS = 60_000
"""HAPI's own default: an equal search within a minute gets the earlier result."""


@dataclass(frozen=True)
class Options:
    """How a server is started; port 0 means any free one."""

    port: int = 0
    page_size: int = 20
    max_page_size: int = 200
    search_cache_ms: int = SEARCH_CACHE_MS

    def properties(self, port: int) -> list[str]:
        """These options as the server reads them."""
        return [
            f"-Dport={port}",
            f"-DpageSize={self.page_size}",
            f"-DmaxPageSize={self.max_page_size}",
            f"-DsearchCacheMillis={self.search_cache_ms}",
        ]


@contextmanager
def hapi_server(options: Options) -> Iterator[str]:
    """A server that answers, by its base URL; built where needed. Raises `build.CannotBuild`."""
    build.build()
    port = _free_port(options.port)
    log = build.TARGET / f"server-{port}.log"
    with tempfile.TemporaryDirectory() as scratch, log.open("wb") as output:
        settings = [f"-Djava.io.tmpdir={scratch}", *options.properties(port)]
        command = ["java", *JVM, *settings, "-cp", build.CLASS_PATH, build.MAIN_CLASS]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            base = f"http://127.0.0.1:{port}/fhir"
            _wait(process, base, log)
            yield base
        finally:
            _stop(process)


def answers(base: str) -> bool:
    """Whether a FHIR R4 server answers at a base URL."""
    with suppress(requests.RequestException, ValueError, AttributeError):
        answer = requests.get(f"{base}/metadata?_elements=fhirVersion", timeout=10)
        return str(answer.json().get("fhirVersion")).startswith("4.0")
    return False


def _free_port(wanted: int) -> int:
    """The port, free now; another server on it would answer in place of ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            raise build.CannotBuild(f"port {wanted} is in use") from None
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], base: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if answers(base):
            return
        time.sleep(0.25)
    last = "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])
    raise build.CannotBuild(f"the HAPI server did not start\n{last}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _options() -> Options:
    default = Options()
    parser = argparse.ArgumentParser(description="Run a HAPI FHIR R4 server on this host.")
    parser.add_argument("--port", type=int, default=8931)
    parser.add_argument("--page-size", type=int, default=default.page_size)
    parser.add_argument("--max-page-size", type=int, default=default.max_page_size)
    parser.add_argument("--search-cache-ms", type=int, default=default.search_cache_ms)
    return Options(**vars(parser.parse_args()))


def main() -> None:
    """Run a server until this process is told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    options = _options()
    try:
        with hapi_server(options) as base:
            print(f"HAPI FHIR R4 answers at {base}", flush=True)
            signal.pause()
    except build.CannotBuild as problem:
        sys.exit(f"hapi: {problem}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
