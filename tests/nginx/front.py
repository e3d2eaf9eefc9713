"""Starts nginx with `cds_service/deploy/nginx.conf`, on a free port, in a folder of its own."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.debian import PATH
from tests.served import ROOT, Answer, free_port

CONFIGURATION = ROOT / "cds_service" / "deploy" / "nginx.conf"
NAME = "localhost"


def missing() -> list[str]:
    """The commands that are needed and not there."""
    return [command for command in ("nginx", "openssl") if not shutil.which(command, path=PATH)]


@dataclass(frozen=True)
class Front:
    """One running nginx."""

    port: int
    folder: Path
    pid: int

    @property
    def log(self) -> str:
        return (self.folder / "access.txt").read_text("utf-8")

    @property
    def errors(self) -> str:
        return (self.folder / "errors.txt").read_text("utf-8")

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.folder / "tls" / "tls.crt")

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPSConnection(
            NAME, self.port, timeout=30, context=self.context()
        )
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer

    def raw(self, sent: bytes) -> Answer:
        """The answer to bytes that are no proper request, over TLS."""
        with self.connect() as caller:
            caller.sendall(sent)
            return read_answer(caller)

    def quit(self) -> None:
        """Ask for the graceful end."""
        os.kill(self.pid, signal.SIGQUIT)

    def connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self.port), 30)
        return self.context().wrap_socket(plain, server_hostname=NAME)


def read_answer(caller: Any) -> Answer:
    response = http.client.HTTPResponse(caller)
    response.begin()
    return Answer(response.status, response.headers, response.read())


@contextmanager
def front(folder: Path, service: int, text: str | None = None, **changes: str) -> Iterator[Front]:
    """nginx before the service on that port.

    `changes` replace the value of a directive, `text` replaces the whole configuration.
    """
    (folder / "tls").mkdir(parents=True)
    _certificate(folder / "tls")
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(
        _moved(text or CONFIGURATION.read_text("utf-8"), folder, port, service, changes), "utf-8"
    )
    with (folder / "stderr.txt").open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(["nginx", "-c", file], env={"PATH": PATH}, stderr=errors)
        try:
            while not (folder / "nginx.pid").exists():
                assert process.poll() is None, (folder / "stderr.txt").read_text("utf-8")
                time.sleep(0.02)
            yield Front(port, folder, process.pid)
        finally:
            process.terminate()
            process.wait(20)


def _moved(text: str, folder: Path, port: int, service: int, changes: dict[str, str]) -> str:
    for old, new in (
        (" /tmp/", f" {folder}/"),
        ("/etc/nginx/tls", f"{folder}/tls"),
        ("service:8080", f"127.0.0.1:{service}"),
        ("8443", str(port)),
        ("/dev/stdout", f"{folder}/access.txt"),
        ("error_log stderr", f"error_log {folder}/errors.txt"),
    ):
        text = text.replace(old, new)
    text = re.sub(r"\n *listen \[::\].*", "", text)
    for directive, value in changes.items():
        text, found = re.subn(rf"(\n *){directive} [^;]*;", rf"\g<1>{directive} {value};", text)
        assert found, directive
    # The folders of tests belong to whoever runs them.
    return f"user root;\n{text}" if os.geteuid() == 0 else text


def _certificate(folder: Path) -> None:
    names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    files = ["-keyout", folder / "tls.key", "-out", folder / "tls.crt"]
    kind = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run(
        ["openssl", "req", "-x509", *kind, *names, *files], check=True, capture_output=True
    )
