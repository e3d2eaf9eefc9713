"""Looks at dependencies and code, prints what each tool found, writes `docs/audit.md` and the SBOM.

    make audit                    with the vulnerability data of the package index
    make audit SERVICE=osv        with those of osv.dev

Ends with 0 only if everything was looked at and nothing was found without an explanation.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from tests.audit import bill, code, dependencies
from tests.audit.finding import Check, State
from tests.audit.tools import ROOT

PAGE = ROOT / "docs" / "audit.md"
KEPT = ROOT / "tests" / "audit" / "last_run.json"
_HEAD = """# Audit

`make audit` looks for known vulnerabilities in the pinned packages, writes the bill of materials
([sbom.cdx.json](../safety/sbom.cdx.json), CycloneDX), and runs static analysis with general rules
and with those of this project ([house_rules.yaml](../tests/audit/house_rules.yaml)). It ends with 0
only if everything was looked at and nothing was found that is not explained. Its tools have an
environment of their own, pinned with hashes.

A package that the vulnerability service does not know is *not checked*, never *clean*: pip-audit
alone would say "No known vulnerabilities found" of it. Where an index offers no such data, run the
command on a machine that reaches one, or with `SERVICE=osv`.
"""


def checks(service: str) -> Iterator[Check]:
    """All checks, one after the other."""
    for lock in dependencies.LOCKS:
        yield dependencies.pip_audit(lock, service)
    yield dependencies.npm_audit()
    yield bill.write()
    yield code.bandit()
    yield code.semgrep()


def page(kept: dict[str, Any]) -> str:
    """The page from what is kept of the last run."""
    found = [Check(**each) for each in kept["checks"]]
    rows = [f"| {c.name} | {c.tool} | **{c.state}** | {c.summary} |" for c in found]
    table = ["| What | With | Result | |", "|---|---|---|---|", *rows]
    details = [f"- {c.name}: {line}" for c in found for line in c.lines]
    known = [
        f"| {each['tool']} {each['rule']} | `{each['file']}` | {each['why']} |"
        for of in ("bandit", "semgrep")
        for each in code.explained(of)
    ]
    stays = ["## Findings that stay", "", "| Finding | File | Why |", "|---|---|---|", *known, ""]
    last = [f"## Last run, {kept['on']}", "", kept["verdict"], "", *table, ""]
    return "\n".join([_HEAD, *last, *details, *([""] if details else []), *stays])


def verdict(found: Sequence[Check]) -> str:
    """One sentence about all checks."""
    count = {state: sum(check.state == state for check in found) for state in State}
    if count[State.NOT_CHECKED]:
        return (
            f"The audit is incomplete: {count[State.NOT_CHECKED]} of {len(found)} checks could not "
            f"be made, {count[State.FOUND]} found something."
        )
    return f"{len(found)} checks, {count[State.FOUND]} found something."


def main() -> None:
    """The command."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--service", default="pypi", choices=["pypi", "osv"])
    asked = ask.parse_args()
    found = []
    for check in checks(asked.service):
        print(f"{check.name} ({check.tool}): {check.state}. {check.summary}", flush=True)
        print("".join(f"    {line}\n" for line in check.lines), end="", flush=True)
        found.append(check)
    kept = {"on": f"{datetime.now(UTC):%Y-%m-%d}", "verdict": verdict(found)}
    kept |= {"checks": [asdict(check) for check in found]}
    KEPT.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    PAGE.write_text(page(kept), "utf-8")
    print(kept["verdict"])
    sys.exit(any(check.state is not State.CLEAN for check in found))


if __name__ == "__main__":
    main()
