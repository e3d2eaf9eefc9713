"""The bill of materials of the product, CycloneDX JSON, from the lock file of the image."""

from __future__ import annotations

import json
import re

from tests.audit.finding import Check, State
from tests.audit.tools import ROOT, run, tool, version

LOCK = "requirements-postgres.lock"
BILL = "safety/sbom.cdx.json"


def write() -> Check:
    """Write it anew."""
    command = [tool("cyclonedx-py"), "requirements", LOCK, "--pyproject", "pyproject.toml"]
    done = run([*command, "--mc-type", "application", "--output-reproducible", "-o", BILL])
    name, used = f"bill of materials ({BILL})", version("cyclonedx-bom")
    if done.returncode:
        return Check(name, used, State.NOT_CHECKED, "cyclonedx-py failed.", (done.stderr[-500:],))
    bill, pinned = components(), locked()
    if bill != pinned:
        lines = tuple(f"{n} {v}" for n, v in sorted(bill.items() ^ pinned.items()))
        return Check(name, used, State.FOUND, f"It differs from {LOCK}.", lines)
    told = f"{len(bill)} packages with versions and hashes, the same as in {LOCK}."
    return Check(name, used, State.CLEAN, told)


def components() -> dict[str, str]:
    """Name and version of all that the bill lists."""
    bill = json.loads((ROOT / BILL).read_text("utf-8"))
    return {normal(each["name"]): each["version"] for each in bill["components"]}


def locked() -> dict[str, str]:
    """Name and version of all that the lock file pins."""
    text = (ROOT / LOCK).read_text("utf-8")
    return {normal(n): v for n, v in re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)", text, re.M)}


def normal(name: str) -> str:
    """A package name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
