"""The tool that puts faults into `hooks/` works, and its page and its reasons are current."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hooks.values.parameters import window
from tests.mutation import knowledge, python, report, run
from tests.mutation.knowledge import alternatives
from tests.mutation.mutant import ROOT, Mutant
from tests.mutation.order import Likeliest
from tests.mutation.trial import Outcome

MUTANTS: dict[str, Mutant] = {one.id: one for kind in (knowledge, python) for one in kind.mutants()}
SYMPTOM_DAYS = "hooks/values/parameters/windows.yaml | values.symptom_days.value | 90 -> 91"
HOURS = "hooks/readings/dates.py | hours_between | 24.0 -> 25.0"


def test_faults_have_names_of_their_own() -> None:
    kinds = [one.id for kind in (knowledge, python) for one in kind.mutants()]
    assert len(kinds) == len(set(kinds))


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("cancer-site-breast.json", "dropped"),
        ("windows.yaml | values.symptom_days.value", "90 -> 89"),
        ("symptom_groups.yaml | findings.cauda-equina.red_flag", "-> False"),
        ("repeat-lp.yaml | variants.first.indicator", "-> critical"),
        ("lexicon/order.yaml | terms.drug-methotrexate.patterns.1.case_sensitive", "-> False"),
        ("_catalogue.yaml | card_limit", "3 -> 4"),
        ("hooks/facts/guidance.py | _by_ecog", ">= limit('ecog_poor') -> value > limit"),
    ],
)
def test_a_fault_of_each_kind_is_put_in(part: str, change: str) -> None:
    found = [one for one in MUTANTS.values() if part in one.id and change in one.change]
    assert found
    assert all(one.content() for one in found)


@pytest.mark.parametrize(
    ("file", "place", "argument"),
    [
        ("hooks/facts/order.py", "obstruction_likely", "True"),
        ("hooks/readings/text.py", "_cut_after_negation", "False"),
    ],
)
def test_guards_of_programming_are_no_faults(file: str, place: str, argument: str) -> None:
    source = (ROOT / file).read_text(encoding="utf-8")
    assert f"strict={argument}" in source
    held = [one for one in MUTANTS.values() if (one.file, one.place) == (file, place)]
    assert held
    assert not [one for one in held if one.change.startswith(f"{argument} ->")]


def test_names_of_types_are_no_faults() -> None:
    assert 'R = TypeVar("R", bound=Resource)' in (ROOT / "hooks/record.py").read_text("utf-8")
    assert not [one for one in MUTANTS.values() if one.change.startswith("'R' ->")]


def test_a_fault_of_a_knowledge_file_changes_one_line() -> None:
    text = MUTANTS[SYMPTOM_DAYS].content()
    assert isinstance(text, str)
    assert re.findall(r"symptom_days:\s+value: (\d+)", text)[0] == "91"
    assert window("symptom_days") == 90


def test_alternatives_are_split_at_the_top_only() -> None:
    assert alternatives(r"\ba\b|(?:b|c)|[|d]|e\|f") == [r"\ba\b", "(?:b|c)", "[|d]", r"e\|f"]


def tried(fault: str, deck: tuple[str, ...]) -> str:
    """What comes of a fault with these tests, in a process of its own."""
    program = f"""
from tests.mutation import trial
from tests.mutation.mutant import Mutant
from tests.test_mutation import MUTANTS
told = []
trial.warm([MUTANTS[{fault!r}]], {deck!r}, lambda mutant, items: items, told.append)
print("noticed" if told[0].noticed else "not noticed", told[0].by)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_fault_is_noticed_by_the_test_of_its_boundary() -> None:
    fault = "hooks/values/parameters/windows.yaml | values.dismissed_days.value | 30 -> 31"
    told = tried(fault, ("tests/unit/hooks/test_items.py",))
    assert "noticed tests/unit/hooks/test_items.py" in told
    assert "[31-True]" in told


def test_a_fault_is_not_noticed_by_tests_of_something_else() -> None:
    assert "not noticed" in tried(HOURS, ("tests/unit/hooks/test_items.py",))


def test_a_fault_of_a_module_is_noticed() -> None:
    told = tried(HOURS, ("tests/unit/hooks/test_dates.py",))
    assert "noticed tests/unit/hooks/test_dates.py" in told


def test_every_reason_is_for_a_fault_that_exists() -> None:
    reasons = report.explained()
    assert reasons
    assert set(reasons) - set(MUTANTS) == set()


def test_what_is_not_noticed_is_explained_or_a_known_gap() -> None:
    held = report.results()
    survivors = {*held["knowledge"]["survivors"], *held["python"]["survivors"]}
    assert survivors - set(report.explained()) == report.gaps()


def test_the_page_is_current() -> None:
    assert report.PAGE.read_text(encoding="utf-8") == report.page()


def test_a_fault_that_is_tried_again_keeps_its_outcome_until_then(tmp_path: Path) -> None:
    ledger = tmp_path / "python.jsonl"
    mutants = [MUTANTS[SYMPTOM_DAYS], MUTANTS[HOURS]]
    first = run.Run(mutants, ledger, Likeliest({}), again=False)
    assert first.left() == mutants
    first.tell(Outcome(SYMPTOM_DAYS, True, "a test"))
    first.tell(Outcome(HOURS, False, ""))
    assert first.left() == []
    again = run.Run(mutants, ledger, Likeliest({}), again=True)
    assert again.left() == [MUTANTS[HOURS]]
    assert not run.known(ledger)[HOURS].noticed
    again.tell(Outcome(HOURS, True, "a test"))
    assert again.left() == []
    assert run.known(ledger)[HOURS].noticed
