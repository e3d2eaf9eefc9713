"""The service in production with clients, as it is started: gunicorn on a real socket."""

from __future__ import annotations

import http.client
import os
import platform
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).parents[2]


@contextmanager
def service(
    environ: dict[str, str], workers: int = 1, threads: int = 8, log: Path | None = None
) -> Iterator[int]:
    """Its port on this host; it is ended at the end. The log is kept where a file is named."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    outer = {name: value for name, value in os.environ.items() if not name.startswith("LM_CDS_")}
    command = [sys.executable, "-m", "gunicorn", "-c", "cds_service/gunicorn_conf.py"]
    sizes = ["--workers", str(workers), "--threads", str(threads)]
    with (log or Path(os.devnull)).open("w") as errors:
        process = subprocess.Popen(
            [*command, *sizes, "--bind", f"127.0.0.1:{port}"],
            cwd=ROOT,
            env=outer | environ,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("Ready (production): ")
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def ask(port: int, path: str, token: str | None, body: Any = None) -> tuple[int, bytes]:
    """Status and body of one call: a POST where there is a body to send."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": token} if token is not None else {}
    data = None if body is None else orjson.dumps(body)
    connection.request("GET" if body is None else "POST", path, body=data, headers=headers)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def machine() -> str:
    """What it was measured on."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}"


def today() -> str:
    """The day of a measurement."""
    return datetime.now(UTC).date().isoformat()
