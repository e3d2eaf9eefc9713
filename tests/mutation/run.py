"""Runs faults against the tests, and keeps every outcome so that a run can be taken up again.

python -m tests.mutation.run knowledge
python -m tests.mutation.run python --sample 300 --seed 1
python -m tests.mutation.run python --only hooks/facts/guidance.py
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutation import knowledge, python, trial
from tests.mutation.mutant import ROOT, Mutant
from tests.mutation.order import Likeliest
from tests.mutation.trial import Outcome

KINDS = {"knowledge": knowledge.mutants, "python": python.mutants}
FOLDER = ROOT / "var" / "mutation"


def chosen(kind: str, sample: int, seed: int, only: Sequence[str] = ("",)) -> list[Mutant]:
    """The faults of a run: those whose name has a part of `only` in it, or a sample of them."""
    everything = list(KINDS[kind]())
    found = list(dict.fromkeys(one for part in only for one in everything if part in one.id))
    if not sample:
        return found
    return sorted(found, key=lambda one: _lot(one, seed))[:sample]


def _lot(mutant: Mutant, seed: int) -> bytes:
    """A number drawn for a fault alone, so that a sample survives changes elsewhere."""
    return hashlib.sha256(f"{seed} {mutant.id}".encode()).digest()


def kept(ledger: Path) -> list[Outcome]:
    """The outcomes on file, the oldest first."""
    if not ledger.exists():
        return []
    lines = ledger.read_text(encoding="utf-8").splitlines()
    return [Outcome(**json.loads(line)) for line in lines]


def known(ledger: Path) -> dict[str, Outcome]:
    """The newest outcome of each fault on file."""
    return {outcome.mutant: outcome for outcome in kept(ledger)}


def traced() -> dict[str, list[str]]:
    """Which functions each test calls; asked once, then read from a file."""
    file = FOLDER / "calls.json"
    if not file.exists():
        _in_fork(lambda: trial.with_tests(lambda items: _write(file, items), trial.DECK))
    return dict(json.loads(file.read_text(encoding="utf-8")))


def _write(file: Path, items: list[pytest.Item]) -> None:
    file.write_text(json.dumps(trial.calls(items)), encoding="utf-8")


def run_at_import() -> frozenset[str]:
    """The functions that run while the project is imported: their faults must stand before."""
    file = FOLDER / "import.json"
    if not file.exists():
        _in_fork(lambda: file.write_text(json.dumps(trial.calls_of_import()), encoding="utf-8"))
    return frozenset(json.loads(file.read_text(encoding="utf-8")))


class Run:
    """The trials of one set of faults, with the file that keeps their outcomes.

    A fault to be tried again keeps its outcome on file until there is another.
    """

    def __init__(
        self, mutants: Iterable[Mutant], ledger: Path, likeliest: Likeliest, again: bool
    ) -> None:
        self.mutants = {one.id: one for one in mutants}
        self.start = len(kept(ledger))
        self.anew = {o.mutant for o in known(ledger).values() if again and not o.noticed}
        self.ledger, self.likeliest = ledger, likeliest
        self.deck = trial.DECK if ledger.stem == "python" else trial.KNOWLEDGE_DECK
        for outcome in known(ledger).values():
            self._learn(outcome)

    def left(self) -> list[Mutant]:
        """The faults that have no outcome on file, and those that are tried again."""
        outcomes = kept(self.ledger)
        done = {o.mutant for o in outcomes[: self.start]} - self.anew
        done |= {o.mutant for o in outcomes[self.start :]}
        return [one for name, one in self.mutants.items() if name not in done]

    def all(self) -> None:
        """Try what is left: after the import where that can be, else before it."""
        late = [one for one in self.left() if not one.cold]
        if late:
            _in_fork(lambda: trial.warm(late, self.deck, self.likeliest.order, self.tell))
        trial.cold(self.left(), self.deck, self.likeliest.order, self.tell)

    def tell(self, outcome: Outcome) -> None:
        """Keep an outcome."""
        with self.ledger.open("a", encoding="utf-8") as file:
            file.write(json.dumps(vars(outcome), ensure_ascii=False) + "\n")
        self._learn(outcome)
        if not outcome.noticed:
            print(f"not noticed: {outcome.mutant}", flush=True)

    def _learn(self, outcome: Outcome) -> None:
        if outcome.noticed and outcome.mutant in self.mutants:
            self.likeliest.tell(self.mutants[outcome.mutant], outcome.by)


def _in_fork(work: Callable[[], object]) -> None:
    """Do work that imports the project, and leave this process without it."""
    pid = os.fork()
    if pid == 0:
        work()
        sys.stdout.flush()
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError("the trials after the import ended early")


def main() -> None:
    """The command."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("kind", choices=KINDS)
    ask.add_argument(
        "--only", nargs="*", default=[""], help="part of the name of a fault: file, place, change"
    )
    ask.add_argument("--sample", type=int, default=0)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--again", action="store_true", help="try again what was not noticed")
    ask.add_argument("--part", default="1/1", help="e.g. 2/2: the second half, for two processes")
    asked = ask.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    early = run_at_import()
    mutants = [
        replace(one, cold=one.cold or f"{one.file}:{one.place}" in early)
        for one in chosen(asked.kind, asked.sample, asked.seed, asked.only)
    ]
    likeliest = Likeliest(traced() if asked.kind == "python" else {})
    ledger = FOLDER / f"{asked.kind}.jsonl"
    part, parts = map(int, asked.part.split("/"))
    Run(mutants[part - 1 :: parts], ledger, likeliest, asked.again).all()
    outcomes = [found for one in mutants if (found := known(ledger).get(one.id))]
    print(f"{sum(o.noticed for o in outcomes)} of {len(outcomes)} faults noticed")


if __name__ == "__main__":
    main()
