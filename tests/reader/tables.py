"""Confusion tables of the text rules and of ConText on the labelled sentences.

python -m tests.reader.tables            prints them as they stand in docs/reading.md
python -m tests.reader.tables --write    writes them there
python -m tests.reader.tables --wrong    prints each question of the development half and of the
                                         blind set that is answered otherwise than labelled
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
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
    """Questions with the answers of one reader."""

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


def measure_blind(read: Reader) -> Measured:
    """The answers of a reader to the questions whose author had not seen the rules."""
    return Measured(tuple((q, read(q)) for q in questions("blind")))


def _table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    titles = [str(title) for title in head]
    lines = [titles, ["---"] * len(titles), *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def confusion(reader: str, *measured: Measured) -> str:
    """Rows are labels, columns answers; a cell is "one / another" in the order given."""
    names = ANSWERS[reader]
    counted = [each.counted(reader) for each in measured]
    rows = (
        [f"**{label}**", *(_cell([each[label, said] for each in counted]) for said in names)]
        for label in names
    )
    return _table(["label", *names], rows)


def _cell(counts: list[int]) -> str:
    return " / ".join(map(str, counts)) if any(counts) else ""


def wrong_answers(columns: dict[str, Measured]) -> str:
    """Wrong definite answers of several readers, answer by answer, and what they left undecided."""
    measured = columns.values()
    rows: list[list[object]] = []
    for reader, names in ANSWERS.items():
        for answer in names[:-1]:
            rows.append([reader, answer, *(m.wrong(reader, answer) for m in measured)])
        total = (f"**{m.wrong_in_all(reader)}**" for m in measured)
        rows.append([f"**{reader}**", "**all wrong**", *total])
        rows.append([reader, "(undecided)", *(m.undecided(reader) for m in measured)])
    wrong = (f"**{sum(map(m.wrong_in_all, ANSWERS))}**" for m in measured)
    rows.append(["**all**", "**all wrong**", *wrong])
    rows.append(["all", "(undecided)", *(sum(map(m.undecided, ANSWERS)) for m in measured)])
    return _table(["", "answer", *columns], rows)


def sizes() -> str:
    """How many questions each half and the blind set ask."""
    parts: list[list[Question]] = [[q for q in questions() if q.half is half] for half in Half]
    asked = [Counter(q.reader for q in part) for part in [*parts, questions("blind")]]
    rows = [[TITLES[reader], *(part[reader] for part in asked)] for reader in ANSWERS]
    rows.append(["all", *(part.total() for part in asked)])
    return _table(["", *Half, "blind"], rows)


_RULES = ours.answer
_FIRST, _CONTEXT, _BLIND_FIRST, _BLIND_CONTEXT = (
    partial(comparison.answer, name)
    for name in ("first", "context", "blind-first", "blind-context")
)


def _wrong_by_half() -> str:
    named = {"before": _FIRST, "text rules": _RULES, "ConText": _CONTEXT}
    return wrong_answers(
        {f"{name}, {half}": measure(read, half) for half in Half for name, read in named.items()}
    )


def _confusion_by_half() -> str:
    return "\n\n".join(
        f"### {TITLES[reader]}, {half} half\n\n"
        + confusion(reader, measure(_RULES, half), measure(_CONTEXT, half))
        for reader in ANSWERS
        for half in Half
    )


def _wrong_blind() -> str:
    named = {
        "text rules, first": _BLIND_FIRST,
        "ConText, first": _BLIND_CONTEXT,
        "text rules now, not blind": _RULES,
    }
    return wrong_answers({name: measure_blind(read) for name, read in named.items()})


def _confusion_blind() -> str:
    first, context = measure_blind(_BLIND_FIRST), measure_blind(_BLIND_CONTEXT)
    return "\n\n".join(
        f"### {TITLES[reader]}, blind set\n\n{confusion(reader, first, context)}"
        for reader in ANSWERS
    )


def all_tables() -> dict[str, str]:
    """The parts of docs/reading.md that are generated, by name."""
    return {
        "sizes": sizes(),
        "wrong": _wrong_by_half(),
        "blind": _wrong_blind(),
        "confusion": _confusion_by_half(),
        "confusion-blind": _confusion_blind(),
    }


def page_with(tables: dict[str, str], page: str) -> str:
    """A page with its generated parts renewed; each stands between two comments."""
    for name, table in tables.items():
        begin, _, rest = page.partition(f"<!-- {name} -->\n")
        _, _, after = rest.partition("<!-- end -->")
        page = f"{begin}<!-- {name} -->\n\n{table}\n\n<!-- end -->{after}"
    return page


def main() -> None:
    """Print or write the tables, or print what is answered wrongly."""
    if "--write" in sys.argv[1:]:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(page_with(all_tables(), page), encoding="utf-8")
    elif "--wrong" in sys.argv[1:]:
        development, blind = measure(_RULES, Half.DEVELOPMENT), measure_blind(_RULES)
        for question, said in [*development.answers, *blind.answers]:
            if said != question.label:
                print(f"{question.reader} {question.gene} {question.label} <- {said}")
                print(f"    {question.text!r}")
    else:
        print("\n\n".join(all_tables().values()))


if __name__ == "__main__":
    main()
