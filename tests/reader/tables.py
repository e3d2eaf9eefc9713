"""Confusion tables of the text rules and of ConText on the labelled sentences.

python -m tests.reader.tables            prints them as they stand in docs/reading.md
python -m tests.reader.tables --write    writes them there
python -m tests.reader.tables --wrong    prints each question of the development half that is
                                         answered otherwise than labelled
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.reader import comparison, ours
from tests.reader.labelled import ANSWERS, Half, Question, questions

PAGE = Path(__file__).parents[2] / "docs" / "reading.md"
Reader = Callable[[Question], str]
TITLES = {
    "cytology": "CSF cytology",
    "mri": "Leptomeningeal pattern of an MRI",
    "flow": "CSF flow",
    "valve": "Shunt valve",
    "form": "Preservative",
    "markers": "Tumour markers",
}


@dataclass(frozen=True)
class Measured:
    """The questions of one half with the answers of one reader."""

    answers: tuple[tuple[Question, str], ...]

    def counted(self, reader: str) -> Counter[tuple[str, str]]:
        """How often each (label, answer) occurs."""
        return Counter((q.label, said) for q, said in self.answers if q.reader == reader)

    def wrong(self, reader: str, answer: str) -> int:
        """How often a definite answer was given where another one was right."""
        counted = self.counted(reader).items()
        return sum(n for (label, said), n in counted if said == answer != label)

    def wrong_in_all(self, reader: str) -> int:
        """All wrong definite answers of one reader."""
        return sum(self.wrong(reader, answer) for answer in ANSWERS[reader][:-1])

    def undecided(self, reader: str) -> int:
        """How often no definite answer was given where there was one."""
        nothing = ANSWERS[reader][-1]
        counted = self.counted(reader).items()
        return sum(n for (label, said), n in counted if said == nothing != label)


def measure(read: Reader, half: Half) -> Measured:
    """The answers of a reader to all questions of one half."""
    return Measured(tuple((q, read(q)) for q in questions() if q.half is half))


def _table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    titles = [str(title) for title in head]
    lines = [titles, ["---"] * len(titles), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def confusion(rules: Measured, context: Measured, reader: str) -> str:
    """Rows are labels, columns answers; a cell is "text rules / ConText"."""
    names = ANSWERS[reader]
    left, right = rules.counted(reader), context.counted(reader)
    rows = (
        [f"**{label}**", *(_both(left[label, said], right[label, said]) for said in names)]
        for label in names
    )
    return _table(["label", *names], rows)


def _both(first: int, second: int) -> str:
    return f"{first} / {second}" if first or second else ""


def wrong_answers(by_name: dict[str, dict[Half, Measured]]) -> str:
    """Wrong definite answers of several readers, answer by answer, and what they left undecided."""
    columns = [(half, measured[half], name) for half in Half for name, measured in by_name.items()]
    rows: list[list[object]] = []
    for reader, names in ANSWERS.items():
        for answer in names[:-1]:
            rows.append([reader, answer, *(m.wrong(reader, answer) for _, m, _ in columns)])
        total = (f"**{m.wrong_in_all(reader)}**" for _, m, _ in columns)
        rows.append([f"**{reader}**", "**all wrong**", *total])
        rows.append([reader, "(undecided)", *(m.undecided(reader) for _, m, _ in columns)])
    return _table(["", "answer", *(f"{name}, {half}" for half, _, name in columns)], rows)


def sizes() -> str:
    """How many questions each half asks."""
    asked = Counter((q.reader, q.half) for q in questions())
    rows = [[TITLES[reader], *(asked[reader, half] for half in Half)] for reader in ANSWERS]
    rows.append(["all", *(sum(asked[reader, half] for reader in ANSWERS) for half in Half)])
    return _table(["", *Half], rows)


def all_tables() -> dict[str, str]:
    """The parts of docs/reading.md that are generated, by name."""
    rules = {half: measure(ours.answer, half) for half in Half}
    context = {half: measure(comparison.context, half) for half in Half}
    first = {half: measure(comparison.first, half) for half in Half}
    named = {"before": first, "text rules": rules, "ConText": context}
    parts = (
        f"### {TITLES[reader]}, {half} half\n\n{confusion(rules[half], context[half], reader)}"
        for reader in ANSWERS
        for half in Half
    )
    return {"sizes": sizes(), "wrong": wrong_answers(named), "confusion": "\n\n".join(parts)}


def page_with(tables: dict[str, str], page: str) -> str:
    """A page with its generated parts renewed; each stands between two comments."""
    for name, table in tables.items():
        begin, _, rest = page.partition(f"<!-- {name} -->\n")
        _, _, after = rest.partition("<!-- end -->")
        page = f"{begin}<!-- {name} -->\n\n{table}\n\n<!-- end -->{after}"
    return page


def main() -> None:
    """Print or write the tables, or print what is wrong in the development half."""
    if "--write" in sys.argv[1:]:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page_with(all_tables(), page), encoding="utf-8")
    elif "--wrong" in sys.argv[1:]:
        for question, said in measure(ours.answer, Half.DEVELOPMENT).answers:
            if said != question.label:
                print(f"{question.reader} {question.gene} {question.label} <- {said}")
                print(f"    {question.text!r}")
    else:
        print("\n\n".join(all_tables().values()))


if __name__ == "__main__":
    main()
