"""Which tests a fault meets, and in which order: the likeliest to notice it first."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import pytest

from tests.mutation.mutant import Mutant

_READ_ONCE = ("hooks/values/", "hooks/engine/recommendation.py", "hooks/engine/needs.py")
"""Modules that run once for all tests, so a trace cannot tell who depends on them."""
_FIRST = 60
"""So many tests out of their order; the rest stay grouped by module, with what they share."""
_WORD = re.compile(r"[a-z0-9]+")
_COMMON = frozenset({"the", "a", "of", "and", "hooks", "values", "parameters", "value"})


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower())) - _COMMON


def _places(mutant: Mutant) -> tuple[str, str, str]:
    """Where a fault is: the folder, the file, the place in it."""
    folder = mutant.file.rpartition("/")[0]
    return folder, mutant.file, f"{mutant.file}:{mutant.place}"


class Likeliest:
    """Tests that noticed a fault of the same place, then by trace or by words in common."""

    def __init__(self, called: Mapping[str, Sequence[str]]) -> None:
        self.noticed: dict[str, list[str]] = defaultdict(list)
        self.callers: dict[str, set[str]] = defaultdict(set)
        self.breadth = {test: len(names) for test, names in called.items()}
        for test, names in called.items():
            for name in names:
                self.callers[name].add(test)

    def tell(self, mutant: Mutant, test: str) -> None:
        """A test noticed a fault."""
        for place in _places(mutant):
            if test in self.noticed[place]:
                self.noticed[place].remove(test)
            self.noticed[place].insert(0, test)

    def order(self, mutant: Mutant, items: list[pytest.Item]) -> list[pytest.Item]:
        """The tests to run for a fault, the likeliest first."""
        chosen = self._callers(mutant, items) if mutant.file.endswith(".py") else items
        rank = self._rank(mutant)
        first = sorted(chosen, key=rank, reverse=True)[:_FIRST]
        first.sort(key=lambda item: (-max(rank(item), 900), item.nodeid))
        names = {item.nodeid for item in first}
        return [*first, *(item for item in chosen if item.nodeid not in names)]

    def _callers(self, mutant: Mutant, items: list[pytest.Item]) -> list[pytest.Item]:
        """The tests that call the function or are not traced; all where a trace cannot tell."""
        callers = self.callers.get(f"{mutant.file}:{mutant.place}", set())
        if mutant.cold or mutant.file.startswith(_READ_ONCE) or not self.callers:
            return items
        new = {item.nodeid for item in items} - set(self.breadth)
        return [item for item in items if item.nodeid in callers | new]

    def _rank(self, mutant: Mutant) -> Callable[[pytest.Item], float]:
        recent: dict[str, float] = {}
        for weight, place in enumerate(_places(mutant), 1):
            tests = self.noticed[place][:20]
            recent |= {test: 1000 * weight - i for i, test in enumerate(tests)}
        words = _words(f"{mutant.file} {mutant.place} {mutant.change}".replace("_", " "))
        python = mutant.file.endswith(".py")

        def rank(item: pytest.Item) -> float:
            test = item.nodeid
            if test in recent:
                return recent[test]
            if python:
                return -self.breadth.get(test, 0)
            return len(words & _words(test.replace("_", " ")))

        return rank
