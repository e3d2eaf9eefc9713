"""Static analysis: bandit and our rules for semgrep. Every finding is mended or explained."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.audit.finding import Check, State
from tests.audit.tools import ROOT, run, tool, version

PRODUCT = ("cds_service", "hooks", "fhir_fixtures")
HERE = Path(__file__).parent
RULES = "tests/audit/house_rules.yaml"
EXAMPLES = "tests/audit/house_rules_examples.py"


def explained(of: str) -> list[dict[str, str]]:
    """The findings of a tool that are known, and why they stay."""
    known: list[dict[str, str]] = yaml.safe_load((HERE / "explained.yaml").read_text("utf-8"))
    return [each for each in known if each["tool"] == of]


def bandit() -> Check:
    """General faults of Python code."""
    done = run([tool("bandit"), "--quiet", "--format", "json", "--recursive", *PRODUCT])
    try:
        report = json.loads(done.stdout)
    except json.JSONDecodeError:
        return Check("bandit", version("bandit"), State.NOT_CHECKED, "bandit gave no answer.")
    lines = sum(each["loc"] for name, each in report["metrics"].items() if name != "_totals")
    found = [(r["test_id"], r["filename"], r["issue_text"]) for r in report["results"]]
    return judged("bandit", version("bandit"), f"{lines} lines of code", found)


def semgrep() -> Check:
    """The house rules, after each has found its example."""
    name, used = "house rules", version("semgrep")
    blind = sorted(set(rules()) - {rule for rule, _, _ in _semgrep([EXAMPLES]) or ()})
    found = _semgrep(PRODUCT)
    if blind or found is None:
        return Check(name, used, State.NOT_CHECKED, f"Rules that find nothing: {blind or 'all'}.")
    return judged("semgrep", used, f"{len(rules())} rules, each finds its example", found)


def rules() -> list[str]:
    """The ids of the house rules."""
    listed = yaml.safe_load((ROOT / RULES).read_text("utf-8"))["rules"]
    return [each["id"] for each in listed]


def _semgrep(paths: Sequence[str]) -> list[tuple[str, str, str]] | None:
    command = [tool("semgrep"), "scan", "--config", RULES, "--metrics=off", "--json", "--quiet"]
    done = run([*command, "--disable-version-check", "--no-git-ignore", *paths])
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        return None
    if report["errors"] or not report["paths"]["scanned"]:
        return None
    return [
        (r["check_id"].rpartition(".")[2], r["path"], r["extra"]["message"])
        for r in report["results"]
    ]


def judged(of: str, used: str, looked_at: str, found: Sequence[tuple[str, str, str]]) -> Check:
    """Findings without explanation, and explanations without a finding, are faults."""
    known = Counter((each["rule"], each["file"]) for each in explained(of))
    seen = {(rule, file) for rule, file, _ in found}
    lines = [f"{file}: {rule} {text}" for rule, file, text in found if (rule, file) not in known]
    lines += [f"{file}: {rule} is explained, but not found" for rule, file in known.keys() - seen]
    name = {"semgrep": "house rules"}.get(of, of)
    if lines:
        return Check(name, used, State.FOUND, f"{looked_at}.", tuple(sorted(lines)))
    told = f"{looked_at}; {len(found)} findings, all explained."
    return Check(name, used, State.CLEAN, told)
