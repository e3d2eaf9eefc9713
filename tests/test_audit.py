"""The audit never calls clean what it could not look up; page and bill are current."""

from __future__ import annotations

import json

import pytest

from tests.audit import bill, code, run
from tests.audit.dependencies import read_npm_audit, read_pip_audit
from tests.audit.finding import State
from tests.audit.tools import ROOT

SEEN = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {
    "name": "b",
    "skip_reason": "Dependency not found on PyPI and could not be audited: b (2)",
}
VULNERABLE = {"name": "c", "version": "3", "vulns": [{"id": "PYSEC-1", "fix_versions": ["4"]}]}


@pytest.mark.parametrize(
    ("packages", "code", "state"),
    [
        ([SEEN], 0, State.CLEAN),
        ([SEEN, SKIPPED], 1, State.NOT_CHECKED),
        ([SKIPPED], 0, State.NOT_CHECKED),
        ([SEEN], 1, State.NOT_CHECKED),
        ([], 0, State.NOT_CHECKED),
        ([SKIPPED, VULNERABLE], 1, State.FOUND),
        ([SEEN, VULNERABLE], 0, State.FOUND),
    ],
)
def test_a_skipped_package_is_never_a_clean_one(packages: object, code: int, state: State) -> None:
    found = read_pip_audit("x", "pip-audit", code, json.dumps({"dependencies": packages}))
    assert found.state is state
    assert ("c 3: PYSEC-1" in found.lines) == (state is State.FOUND)


@pytest.mark.parametrize("output", ["", "No known vulnerabilities found", "{}"])
def test_no_answer_is_not_clean(output: str) -> None:
    assert read_pip_audit("x", "pip-audit", 0, output).state is State.NOT_CHECKED
    assert read_npm_audit("x", output).state is State.NOT_CHECKED


def test_npm_answers() -> None:
    whole = {"metadata": {"dependencies": {"total": 7}}, "vulnerabilities": {}}
    assert read_npm_audit("x", json.dumps(whole)).state is State.CLEAN
    whole["vulnerabilities"] = {"a": {"severity": "high"}}
    assert read_npm_audit("x", json.dumps(whole)).lines == ("a: high",)
    refused = {"error": {"code": "E405", "summary": "Method Not Allowed"}}
    assert read_npm_audit("x", json.dumps(refused)).state is State.NOT_CHECKED


def test_the_verdict_says_what_was_not_checked() -> None:
    clean = read_pip_audit("x", "t", 0, json.dumps({"dependencies": [SEEN]}))
    unknown = read_pip_audit("x", "t", 1, json.dumps({"dependencies": [SKIPPED]}))
    assert run.verdict([clean]) == "1 checks, 0 found something."
    assert run.verdict([clean, unknown]).startswith("The audit is incomplete: 1 of 2 checks")


def test_a_finding_needs_an_explanation_and_an_explanation_a_finding() -> None:
    known = [(each["rule"], each["file"], "") for each in code.explained("bandit")]
    assert code.judged("bandit", "t", "all", known).state is State.CLEAN
    assert code.judged("bandit", "t", "all", known[1:]).state is State.FOUND
    assert code.judged("bandit", "t", "all", [*known, ("B1", "x.py", "")]).state is State.FOUND


def test_explanations_are_about_files_that_exist() -> None:
    for of in ("bandit", "semgrep"):
        for each in code.explained(of):
            assert (ROOT / each["file"]).exists()
            assert len(each["why"]) > 20


def test_every_house_rule_has_an_example() -> None:
    examples = (ROOT / code.EXAMPLES).read_text("utf-8")
    for rule in code.rules():
        assert f"def {rule.replace('-', '_')}" in examples, rule


def test_the_bill_of_materials_is_that_of_the_lock_file() -> None:
    assert bill.components() == bill.locked()
    whole = json.loads((ROOT / bill.BILL).read_text("utf-8"))
    assert (whole["bomFormat"], whole["metadata"]["component"]["name"]) == (
        "CycloneDX",
        "lm-cds-hooks",
    )
    assert all(each["externalReferences"][0]["hashes"] for each in whole["components"])


def test_the_page_is_current() -> None:
    kept = json.loads(run.KEPT.read_text("utf-8"))
    assert run.PAGE.read_text("utf-8") == run.page(kept)
