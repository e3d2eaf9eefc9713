"""The service in production with clients, as it is started: gunicorn on a real socket."""

from __future__ import annotations

import http.client
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from tests.served import end, free_port, launch


@contextmanager
def service(
    environ: dict[str, str], workers: int = 1, threads: int | None = None, log: Path | None = None
) -> Iterator[int]:
    """Its port on this host; it is ended at the end. The log is kept where a file is named."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        process = launch(environ, port, log or Path(folder, "gunicorn.txt"), workers, threads)
        try:
            yield port
        finally:
            end(process)


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
