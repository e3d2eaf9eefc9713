"""Known vulnerabilities of the pinned packages.

pip-audit ends with 0 and "No known vulnerabilities found" where the index knows nothing of its
packages: every one of them is then skipped. Here a skipped package counts as not checked.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from tests.audit.finding import Check, State
from tests.audit.tools import ROOT, run, tool, version

LOCKS = (
    *("requirements.lock", "requirements-postgres.lock", "requirements-dev.lock"),
    *("requirements-reader.lock", "requirements-fuzz.lock", "requirements-audit.lock"),
)
RENDERERS = ROOT / "tests" / "renderers"


def pip_audit(lock: str, service: str) -> Check:
    """The vulnerabilities that the service knows of one lock file."""
    command = [tool("pip-audit"), "--strict", "--vulnerability-service", service]
    command += ["--disable-pip", "--require-hashes", "--requirement", lock]
    strict = run(command)
    listed = run([*(part for part in command if part != "--strict"), "--format", "json"])
    name = f"vulnerabilities in {lock}"
    return read_pip_audit(name, version("pip-audit"), strict.returncode, listed.stdout)


def read_pip_audit(name: str, used: str, strict_code: int, listed: str) -> Check:
    """What pip-audit's JSON says, and its exit code with `--strict`."""
    try:
        packages: list[dict[str, Any]] = json.loads(listed)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        return Check(name, used, State.NOT_CHECKED, "pip-audit gave no answer.")
    known = [f"{p['name']} {p['version']}: {v['id']}" for p in packages for v in p.get("vulns", ())]
    skipped = [package for package in packages if "skip_reason" in package]
    if known:
        return Check(name, used, State.FOUND, f"{len(known)} known vulnerabilities.", tuple(known))
    if skipped or strict_code != 0 or not packages:
        return Check(name, used, State.NOT_CHECKED, _not_checked(packages, skipped, strict_code))
    return Check(name, used, State.CLEAN, f"{len(packages)} packages, all looked up.")


def _not_checked(
    packages: Sequence[dict[str, Any]], skipped: Sequence[dict[str, Any]], strict_code: int
) -> str:
    told = f"{len(skipped)} of {len(packages)} packages skipped"
    told += f" (exit code {strict_code} with --strict)"
    return f"{told}: the package index in use offers no vulnerability data for them."


def npm_audit() -> Check:
    """The vulnerabilities that npm's registry knows of the renderers used in tests."""
    name = "vulnerabilities in tests/renderers/package-lock.json"
    if not shutil.which("npm"):
        return Check(name, "npm audit", State.NOT_CHECKED, "npm is not installed.")
    done = subprocess.run(
        ["npm", "audit", "--json"], cwd=RENDERERS, capture_output=True, text=True, check=False
    )
    return read_npm_audit(name, done.stdout)


def read_npm_audit(name: str, listed: str) -> Check:
    """What npm's JSON says."""
    used = "npm audit"
    try:
        report = json.loads(listed)
    except json.JSONDecodeError:
        return Check(name, used, State.NOT_CHECKED, "npm gave no answer.")
    if "metadata" not in report:
        told = "the package registry in use does not answer audit requests."
        return Check(name, used, State.NOT_CHECKED, told)
    found = tuple(f"{n}: {v['severity']}" for n, v in report.get("vulnerabilities", {}).items())
    count = report["metadata"]["dependencies"]["total"]
    if found:
        return Check(name, used, State.FOUND, f"{len(found)} of {count} packages.", found)
    return Check(name, used, State.CLEAN, f"{count} packages, all looked up.")
