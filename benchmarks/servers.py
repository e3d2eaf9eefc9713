"""Servers that are measured: started as production starts them, pinned to one core."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.charts.build import NOW
from tests.served import free_port

ROOT = Path(__file__).parents[1]
SERVER_CORE, LOAD_CORE = 0, 1
GUNICORN = str(Path(sys.executable).with_name("gunicorn"))
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LONGEST_START = 60.0


@dataclass(frozen=True)
class Server:
    """A running server: its port and the process that started it."""

    port: int
    pid: int
    started_in: float
    """Seconds from the command to the first correct answer."""

    def processes(self) -> list[int]:
        """The process and all that it started."""
        found = [self.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
        return found

    def worker(self) -> int:
        """The worker: the newest process."""
        return max(self.processes())

    def cpu_seconds(self) -> float:
        """Processor time of all processes so far."""
        return sum(_cpu(pid) for pid in self.processes())

    def resident_mib(self) -> float:
        """Resident memory of the worker, in MiB."""
        pages = Path(f"/proc/{self.worker()}/statm").read_text().split()[1]
        return int(pages) * _PAGE / 2**20

    def peak_mib(self) -> float:
        """The most that the worker ever held, in MiB."""
        lines = Path(f"/proc/{self.worker()}/status").read_text().splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / 2**10


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def environment(folder: str, name: str = "bench", **settings: str) -> dict[str, str]:
    """The settings of a service that is measured, at the time of the payloads."""
    return {
        "LM_CDS_PROFILE": "sandbox",
        "LM_CDS_NOW": NOW.isoformat(),
        "LM_CDS_DATABASE_URL": f"sqlite:///{folder}/{name}.sqlite3",
    } | {f"LM_CDS_{setting}": value for setting, value in settings.items()}


def with_environment(given: dict[str, str], command: list[str]) -> list[str]:
    """A command that runs with more in its environment."""
    return ["env", *(f"{name}={value}" for name, value in given.items()), *command]


def service(
    folder: str, workers: int = 1, threads: int | None = None, **settings: str
) -> list[str]:
    """The command that runs the service as production does, in the sandbox profile."""
    asked = [f"WORKERS={workers}", *([f"THREADS={threads}"] if threads else [])]
    command = ["make", "--no-print-directory", "serve", "PROFILE=sandbox", *asked]
    return with_environment(environment(folder, **settings), command)


def floor(_: str) -> list[str]:
    """The command that runs the floor: gunicorn with one sync worker."""
    return [GUNICORN, "--workers", "1", "--log-level", "error", "benchmarks.floor:app"]


@contextmanager
def running(
    command: list[str], path: str, body: bytes, core: int | None = SERVER_CORE
) -> Iterator[Server]:
    """The server until the end of the block; it must answer 200 to the call first."""
    port = free_port()
    pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
    where = [f"PORT={port}"] if "serve" in command else ["--bind", f"127.0.0.1:{port}"]
    begin = time.perf_counter()
    process = subprocess.Popen(
        [*pinned, *command, *where],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(process, port, path, body)
        yield Server(port, process.pid, time.perf_counter() - begin)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], port: int, path: str, body: bytes) -> None:
    end = time.perf_counter() + _LONGEST_START
    while time.perf_counter() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            status = call(port, path, body)
        except OSError:
            time.sleep(0.02)
            continue
        if status == 200:
            return
        raise RuntimeError(f"the server answered {status}")
    raise RuntimeError("the server did not start")


def call(port: int, path: str, body: bytes) -> int:
    """The status of one call."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@contextmanager
def folder() -> Iterator[str]:
    """A folder for the database of a server."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        yield name
