"""Trials: each fault in a fork of this process, tests until the first one fails."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType, FrameType

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation import apply
from tests.mutation.mutant import ROOT, Mutant

DECK = (
    "tests/test_frozen_knowledge.py",
    "tests/test_codings.py",
    "tests/test_sentences.py",
    "tests/unit/hooks/test_parameters.py",
    "tests/test_own_cases.py",
    "tests/test_examples.py",
    "tests/unit/hooks",
    "tests/test_suggestions.py",
    "tests/test_golden_calls.py",
    "tests/test_established.py",
    "tests/test_established_gaps.py",
    "tests/test_site_codes.py",
    "tests/unit/cds_service/test_knowledge_folder.py",
    "tests/test_attached_reports.py",
    "tests/test_fixtures.py",
    "tests/test_drop_one_chart_open.py",
    "tests/contract/test_conformance_cards.py",
    "tests/contract/test_conformance_general_and_discovery.py",
    "tests/contract/test_conformance_prefetch_templates.py",
)
"""The tests that must notice a fault in a module: those of `hooks/` that read no document."""
_SLOW = ("site_codes", "attached", "fixtures", "drop_one", "established_gaps", "test_reports")
KNOWLEDGE_DECK = tuple(path for path in DECK if not any(word in path for word in _SLOW))
"""The tests that must notice a fault in a knowledge file; cases are asked in one notation."""
_LONGEST = 60
"""Seconds that one test may take; a fault that makes it endless is noticed."""
_SURVIVED, _KILLED, _BROKEN = 0, 1, 2


@dataclass(frozen=True)
class Outcome:
    """Whether a fault was noticed, and by which test."""

    mutant: str
    noticed: bool
    by: str


def ended(pid: int, read: int, mutant: Mutant) -> Outcome:
    """The outcome of a fork, which tells the test that failed through a pipe."""
    with os.fdopen(read) as pipe:
        told = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code == -signal.SIGALRM:
        return Outcome(mutant.id, True, f"endless: {told}")
    if code == _BROKEN:
        raise RuntimeError(f"{mutant.id}: {told}")
    return Outcome(mutant.id, code != _SURVIVED, told.splitlines()[-1] if told else "")


def forked(mutant: Mutant, trial: Callable[[int], None]) -> Outcome:
    """Run a trial in a fork. It gets the pipe and ends the process."""
    read, write = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        try:
            trial(write)
        except BaseException as problem:  # the fork must not go on as a second parent
            os.write(write, repr(problem).encode())
        finally:
            os._exit(_BROKEN)
    os.close(write)
    return ended(pid, read, mutant)


def run(items: Sequence[pytest.Item], pipe: int) -> None:
    """Run tests until one fails; end the process with what came of it."""
    for item, following in zip(items, [*items[1:], None], strict=False):
        signal.alarm(_LONGEST)
        reports = runtestprotocol(item, log=False, nextitem=following)
        if any(report.failed for report in reports):
            os.write(pipe, f"{item.nodeid}".encode())
            os._exit(_KILLED)
    os._exit(_SURVIVED)


def _in_one_notation(items: Iterable[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith("tests/test_own_cases.py") and isinstance(item, pytest.Function):
            item.module.STYLES = item.module.STYLES[:1]


_PLAIN = Mutant("no file", "nowhere", "no fault", lambda: "")


def _must_pass(items: list[pytest.Item]) -> None:
    """Without a fault every test passes; else a trial would say nothing."""
    plain = forked(_PLAIN, lambda pipe: run(items, pipe))
    if plain.noticed:
        raise RuntimeError(f"fails without a fault: {plain.by}")


class Loop:
    """A pytest plugin that hands the collected tests to a function in place of running them."""

    def __init__(self, use: Callable[[list[pytest.Item]], None]) -> None:
        self.use = use

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Replaces pytest's own loop."""
        self.use(session.items)
        return True


def with_tests(use: Callable[[list[pytest.Item]], None], deck: Iterable[str]) -> None:
    """Collect the tests and hand them over."""
    os.environ["CI"] = "true"  # Hypothesis then repeats the same examples and keeps none
    paths = [str(ROOT / path) for path in deck if (ROOT / path).exists()]
    arguments = ["-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}", *paths]
    if pytest.main(arguments, plugins=[Loop(use)]) != pytest.ExitCode.OK:
        raise RuntimeError("the tests could not be collected, or a trial broke off")


Order = Callable[[Mutant, list[pytest.Item]], list[pytest.Item]]


def warm(
    mutants: Iterable[Mutant], deck: Iterable[str], order: Order, tell: Callable[[Outcome], None]
) -> None:
    """Try faults after the import; those that must come before it have no outcome."""

    def use(items: list[pytest.Item]) -> None:
        if deck is KNOWLEDGE_DECK:
            _in_one_notation(items)
        prepared = apply.Prepared()
        _must_pass(items)
        for mutant in mutants:

            def trial(pipe: int, mutant: Mutant = mutant) -> None:
                try:
                    apply.after_import(mutant, prepared)
                except apply.NeedsImport:
                    os.write(pipe, b"cold")
                    os._exit(_KILLED)
                except Exception as problem:
                    os.write(pipe, f"start: {type(problem).__name__}".encode())
                    os._exit(_KILLED)
                run(order(mutant, items), pipe)

            outcome = forked(mutant, trial)
            if outcome.by != "cold":
                tell(outcome)

    with_tests(use, deck)


def cold(
    mutants: Sequence[Mutant], deck: Iterable[str], order: Order, tell: Callable[[Outcome], None]
) -> None:
    """Try faults that must stand before the import; each fork imports and collects anew."""

    def trial(mutant: Mutant, pipe: int) -> None:
        signal.alarm(2 * _LONGEST)
        try:
            apply.before_import(mutant)
            with_tests(lambda items: run(order(mutant, items), pipe), deck)
        except Exception as problem:
            os.write(pipe, f"start: {problem!r}".encode())
        os._exit(_KILLED)

    _import_others()
    for mutant in [_PLAIN, *mutants] if mutants else []:
        outcome = forked(mutant, partial(trial, mutant))
        if mutant is not _PLAIN:
            tell(outcome)
        elif outcome.noticed:
            raise RuntimeError(f"fails without a fault: {outcome.by}")


_OTHERS = (
    "fhir.resources.R4B",
    "flask",
    "jsonschema",
    "msgspec",
    "orjson",
    "requests",
    "responses",
    "sqlalchemy.dialects.sqlite",
    "structlog",
    "yaml",
)
"""What the forks share: what the project imports, but not the project."""


def _import_others() -> None:
    for name in _OTHERS:
        importlib.import_module(name)
    assert not apply.project(), "the project is imported already"


class _Calls:
    """The functions of `hooks/` that are called inside the block, as `file:name`."""

    def __enter__(self) -> _Calls:
        self._found: set[CodeType] = set()
        sys.setprofile(self._look)
        return self

    def _look(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            self._found.add(frame.f_code)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    @property
    def names(self) -> list[str]:
        """Each function once, sorted."""
        inside = str(ROOT / "hooks")
        ours = (code for code in self._found if code.co_filename.startswith(inside))
        return sorted(f"{Path(c.co_filename).relative_to(ROOT)}:{c.co_qualname}" for c in ours)


def calls_of_import() -> list[str]:
    """The functions that run while the services are imported."""
    with _Calls() as called:
        importlib.import_module("hooks")
    return called.names


def calls(items: Sequence[pytest.Item]) -> dict[str, list[str]]:
    """For each test the functions that it calls.

    What is remembered between tests is emptied, except the loaded knowledge.
    """
    found: dict[str, list[str]] = {}
    bounded = [one for one in apply.memories() if one.cache_parameters()["maxsize"]]
    for item, following in zip(items, [*items[1:], None], strict=True):
        for memory in bounded:
            memory.cache_clear()
        with _Calls() as called:
            runtestprotocol(item, log=False, nextitem=following)
        found[item.nodeid] = called.names
    return found
