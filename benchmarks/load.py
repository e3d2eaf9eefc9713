"""Load on a server by wrk, pinned to the other core."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import LOAD_CORE, Server

_SCRIPT = """
local file = io.open("{body}", "rb")
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = file:read("*all")
local threads = {{}}
setup = function(thread) table.insert(threads, thread) end
init = function() refused, wrong = 0, 0 end
response = function(status)
  if status == 503 then refused = refused + 1 elseif status ~= 200 then wrong = wrong + 1 end
end
done = function(summary, latency)
  local refusals = 0
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.timeout
  for _, thread in ipairs(threads) do
    refusals = refusals + thread:get("refused")
    failed = failed + thread:get("wrong")
  end
  io.stderr:write(string.format('{{"p50": %.3f, "p99": %.3f, "calls": %d, "refused": %d, '
      .. '"failed": %d, "seconds": %.6f}}', latency:percentile(50) / 1000,
      latency:percentile(99) / 1000, summary.requests, refusals, failed,
      summary.duration / 1e6))
end
"""


class NoGenerator(RuntimeError):
    """wrk is not installed."""


@dataclass(frozen=True)
class Measured:
    """One round: milliseconds at the median and at the 99th percentile, and what it took.

    Where calls were refused, the milliseconds are those of answers and refusals together.
    """

    p50: float
    p99: float
    per_second: float
    """Calls that were answered."""
    refused: float
    """Share of the calls that were told to come again (503), in percent."""
    cpu: float
    """Processor milliseconds of the server per answered call."""
    resident: float
    """Resident memory of the worker at the end, in MiB."""


def drive(
    server: Server, path: str, body: bytes, concurrency: int, seconds: float, pinned: bool = True
) -> Measured:
    """Calls for so many seconds, so many at once.

    Raises where one got no answer or another one than 200 and 503, or where none got 200.
    """
    if shutil.which("wrk") is None:
        raise NoGenerator("wrk is not installed (Debian package wrk)")
    before = server.cpu_seconds()
    told = _wrk(server.port, path, body, concurrency, seconds, pinned)
    answered = told["calls"] - told["refused"]
    if told["failed"] or not answered:
        raise RuntimeError(f"{told['failed']:.0f} of {told['calls']:.0f} calls failed")
    return Measured(
        told["p50"],
        told["p99"],
        answered / told["seconds"],
        told["refused"] / told["calls"] * 100,
        (server.cpu_seconds() - before) * 1000 / answered,
        server.resident_mib(),
    )


def _wrk(
    port: int, path: str, body: bytes, concurrency: int, seconds: float, pinned: bool
) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        held, script = Path(folder, "body.json"), Path(folder, "post.lua")
        held.write_bytes(body)
        script.write_text(_SCRIPT.format(body=held))
        command = ["wrk", "-t1", f"-c{concurrency}", f"-d{seconds:g}s", "--timeout", "30s"]
        command += ["-s", str(script), f"http://127.0.0.1:{port}{path}"]
        core = ["taskset", "--cpu-list", str(LOAD_CORE)] if pinned else []
        ran = subprocess.run([*core, *command], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(ran.stderr)
    return found
