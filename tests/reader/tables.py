"""Confusion tables of a reader on the labelled sentences.

python -m tests.reader.tables            the tables of the text rules
python -m tests.reader.tables --wrong    and every question of the development half that is
                                         answered otherwise than labelled
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.reader import ours
from tests.reader.labelled import ANSWERS, Half, Question, questions

Reader = Callable[[Question], str]


@dataclass(frozen=True)
class Measured:
    """Each question of one half with the answer of one reader."""

    half: Half
    answers: tuple[tuple[Question, str], ...]

    def of(self, reader: str) -> list[tuple[Question, str]]:
        """The questions to one reader."""
        return [(q, answer) for q, answer in self.answers if q.reader == reader]

    def wrong(self, reader: str, answer: str) -> int:
        """How often a definite answer was given where another one was right."""
        return sum(said == answer != q.label for q, said in self.of(reader))

    def wrong_in_all(self, reader: str) -> int:
        """All wrong definite answers of one reader."""
        return sum(self.wrong(reader, answer) for answer in ANSWERS[reader][:-1])


def measure(read: Reader, half: Half) -> Measured:
    """The answers of a reader to all questions of one half."""
    return Measured(half, tuple((q, read(q)) for q in questions() if q.half is half))


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def confusion(measured: Measured, reader: str) -> str:
    """Rows are labels, columns are answers."""
    names = ANSWERS[reader]
    counted = Counter((q.label, said) for q, said in measured.of(reader))
    rows = ([label, *(counted[label, said] or "·" for said in names)] for label in names)
    return _table(["label \\ answer", *names], rows)


def confusions(measured: Measured) -> str:
    """The confusion tables of all readers on one half."""
    parts = (f"{reader}, {measured.half}\n\n{confusion(measured, reader)}" for reader in ANSWERS)
    return "\n\n".join(parts)


def summary(by_name: dict[str, dict[Half, Measured]]) -> str:
    """Wrong definite answers, answer by answer, of several readers on both halves."""
    head = ["reader", "answer", *(f"{name}, {half}" for half in Half for name in by_name)]
    rows = []
    for reader, names in ANSWERS.items():
        for answer in names[:-1]:
            cells = [m[half].wrong(reader, answer) for half in Half for m in by_name.values()]
            rows.append([reader, answer, *cells])
        total = [m[half].wrong_in_all(reader) for half in Half for m in by_name.values()]
        rows.append([f"**{reader}**", "**all**", *(f"**{n}**" for n in total)])
    return _table(head, rows)


def _print_wrong(measured: Measured) -> None:
    for question, said in measured.answers:
        if said != question.label:
            print(
                f"{question.reader} {question.gene} {question.label} <- {said}: {question.text!r}"
            )


def main() -> None:
    """Print the tables of the text rules."""
    measured = {half: measure(ours.answer, half) for half in Half}
    print(summary({"text rules": measured}))
    for half in Half:
        print(f"\n{confusions(measured[half])}")
    if "--wrong" in sys.argv[1:]:
        _print_wrong(measured[Half.DEVELOPMENT])


if __name__ == "__main__":
    main()
