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
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROLE = "store"
_FOLDERS = ("usr/lib/postgresql", "usr/lib64/pgsql", "usr/pgsql-*", "usr/libexec/postgresql*")
_SETTINGS = (
    "fsync=off",
    "full_page_writes=off",
    "max_connections=60",
    "listen_addresses=127.0.0.1",
)


def binaries() -> Path | None:
    """The folder of the newest `initdb` of this machine; None where there is none."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = [path for each in _FOLDERS for path in Path("/").glob(f"{each}/**/bin/initdb")]
    return max(found, key=_version).parent if found else None


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A server with the binaries of `folder`; yields the URL of a role that may do everything."""
    root = Path(tempfile.mkdtemp(prefix="store-postgresql-"))
    user = _unprivileged()
    try:
        if user:
            os.chown(root, user.pw_uid, user.pw_gid)
        yield from _served(folder, root, _as(user, root))
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _served(folder: Path, root: Path, options: dict[str, Any]) -> Iterator[str]:
    password, port, data = secrets.token_hex(16), _free_port(), str(root / "data")
    _initialize(folder, root, password, options)
    flags = " ".join(f"-c {each}" for each in (*_SETTINGS, f"port={port}"))
    flags += f" -c unix_socket_directories={root}"
    log = ["-l", str(root / "log"), "-w", "-t", "30"]
    _run([f"{folder}/pg_ctl", "-D", data, "-o", flags, *log, "start"], options)
    try:
        yield f"postgresql+psycopg://{ROLE}:{password}@127.0.0.1:{port}/postgres"
    finally:
        _run([f"{folder}/pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], options)


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
