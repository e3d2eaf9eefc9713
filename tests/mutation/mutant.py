"""One small fault: a file of `hooks/` with other content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutant:
    """What is changed, where, and the content of the file with the fault.

    `content` makes the text of a knowledge file or the compiled code of a module. `cold` says
    that the fault must be there before the module is imported.
    """

    file: str
    place: str
    change: str
    content: Callable[[], str | CodeType]
    cold: bool = False

    @property
    def id(self) -> str:
        """File, place and change, which survive edits elsewhere in the file."""
        return f"{self.file} | {self.place} | {self.change}"

    @property
    def path(self) -> Path:
        """The file that is changed."""
        return ROOT / self.file


def numbered(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    """The same mutants; of several that read alike the later ones are numbered."""
    seen: Counter[str] = Counter()
    for one in mutants:
        seen[one.id] += 1
        again = f" ({seen[one.id]})" if seen[one.id] > 1 else ""
        yield Mutant(one.file, one.place, one.change + again, one.content, one.cold)
