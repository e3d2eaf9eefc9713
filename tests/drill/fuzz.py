"""Coverage-guided fuzzing of both services and feedback (`make fuzz`), as a drill.

FUZZ_SECONDS=600 is how long it runs. The environment of the fuzzer is its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess

from tests.drill.table import Table, machine, today
from tests.served import ROOT

SECONDS = os.environ.get("FUZZ_SECONDS", "600")
_COVERAGE = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")


def run() -> Table:
    """Fuzz, and count."""
    command = ["make", "--no-print-directory", "fuzz", f"SECONDS={SECONDS}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"runs"')]
    if not lines:
        raise RuntimeError(done.stderr[-2000:])
    told = json.loads(lines[-1])
    progress = _COVERAGE.findall(done.stderr)
    edges, features, corpus = progress[-1] if progress else ("–", "–", "–")
    statuses = ", ".join(f"{code}: {count}" for code, count in sorted(told["statuses"].items()))
    row = (str(told["seconds"]), str(told["runs"]), edges, features, corpus, statuses)
    return Table(
        title="Coverage-guided fuzzing",
        floor="600 s, no 5xx, every answer well formed, no silence about an order",
        columns=("seconds", "requests", "edges", "features", "corpus", "answers", "failures"),
        rows=((*row, str(told["failures"])),),
        passed=told["failures"] == 0,
        machine=machine(),
        measured=today(),
    )
