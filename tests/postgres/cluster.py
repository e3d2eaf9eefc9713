"""A private PostgreSQL server: made, started, stopped and removed by one test run.

It listens on a free loopback port and on a socket in its own folder, with a random password. Its
data are not flushed to disk, which no test of the store can tell. PostgreSQL refuses to run as
root; then the server runs as `postgres`, or as `nobody` where there is no such user.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROLE = "store"
_FOLDERS = ("usr/lib/postgresql", "usr/lib64/pgsql", "usr/pgsql-*", "usr/libexec/postgresql*")
DURABLE = ("max_connections=60", "listen_addresses=127.0.0.1")
_SETTINGS = (*DURABLE, "fsync=off", "full_page_writes=off")


def binaries() -> Path | None:
    """The folder of the newest `initdb` of this machine; None where there is none."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = [path for each in _FOLDERS for path in Path("/").glob(f"{each}/**/bin/initdb")]
    return max(found, key=_version).parent if found else None


@dataclass
class Cluster:
    """One server; `url` is that of a role that may do everything."""

    folder: Path
    root: Path
    settings: tuple[str, ...]
    options: dict[str, Any]
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    port: int = field(default_factory=lambda: _free_port())

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"postgresql+psycopg://{ROLE}:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        flags = " ".join(f"-c {each}" for each in (*self.settings, f"port={self.port}"))
        flags += f" -c unix_socket_directories={self.root}"
        self._control("-o", flags, "-l", str(self.root / "log"), "-w", "-t", "30", "start")

    def stop(self) -> None:
        """End the server at once."""
        self._control("-m", "immediate", "-w", "stop")

    def crash(self) -> None:
        """kill -9 of the server; its processes end by themselves when their first one is gone."""
        first = int((self.root / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(first, signal.SIGKILL)
        while Path(f"/proc/{first}").exists() and _state(first) != "Z":
            time.sleep(0.01)

    def start_after_crash(self) -> None:
        """Start again; the last processes of the crashed server may need a moment to end."""
        for pause in (0.2, 0.4, 0.8, 1.6, 3.2):
            with suppress(RuntimeError):
                self.start()
                return
            time.sleep(pause)
        self.start()

    def _control(self, *arguments: str) -> None:
        _run([f"{self.folder}/pg_ctl", "-D", str(self.root / "data"), *arguments], self.options)


def _state(process: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return "Z"


@contextmanager
def made(folder: Path, settings: tuple[str, ...] = _SETTINGS) -> Iterator[Cluster]:
    """A running server with the binaries of `folder`, removed at the end."""
    root = Path(tempfile.mkdtemp(prefix="store-postgresql-"))
    user = _unprivileged()
    try:
        if user:
            os.chown(root, user.pw_uid, user.pw_gid)
        one = Cluster(folder, root, settings, _as(user, root))
        _initialize(folder, root, one.password, one.options)
        one.start()
        try:
            yield one
        finally:
            one.stop()
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The same; yields the URL of a role that may do everything."""
    with made(folder) as one:
        yield one.url


def _initialize(folder: Path, root: Path, password: str, options: dict[str, Any]) -> None:
    file = root / "password"
    file.write_text(password)
    if "user" in options:
        os.chown(file, options["user"], options["group"])
    login = ["-U", ROLE, "--auth=scram-sha-256", f"--pwfile={file}"]
    form = ["--encoding=UTF8", "--no-locale", "--no-sync"]
    _run([f"{folder}/initdb", "-D", str(root / "data"), *login, *form], options)


def _unprivileged() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _as(user: pwd.struct_passwd | None, home: Path) -> dict[str, Any]:
    options: dict[str, Any] = {"cwd": home, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}}
    if user:
        options |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return options


def _run(command: list[str], options: dict[str, Any]) -> None:
    # The server keeps the output open; a pipe would be waited for until it ends.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(command, stdout=output, stderr=output, check=False, **options)
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{Path(command[0]).name} failed:\n{output.read()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _version(path: Path) -> list[int]:
    return [int(part) for part in path.parts if part.isdigit()]
