"""Recorded answers: of medspaCy's ConText, and of the text rules before they were tuned.

    python -m tests.reader.comparison ask sentences     the questions, for tests/reader/context.py
    python -m tests.reader.comparison record context    its answers from standard input
    python -m tests.reader.comparison record first      those of the text rules as they are

`first.json` was recorded with the text rules of the commit that added sentences.yaml, which holds
no rule that was made for it. `blind-first.json` and `blind-context.json` were recorded in the same
way for blind.yaml, once, before anybody had seen an answer to it. None of the three is renewed.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path

from tests.reader import ours
from tests.reader.labelled import Question, questions

_ASKED = {
    "first": "sentences",
    "context": "sentences",
    "blind-first": "blind",
    "blind-context": "blind",
}
"""The set of questions that each record answers."""


def _file(name: str) -> Path:
    return Path(__file__).parent / f"{name}.json"


def _key(question: Question) -> str:
    return f"{question.reader} {question.gene}: {question.text}"


@cache
def recorded(name: str) -> dict[str, str]:
    """The answers of one record by question."""
    return dict(json.loads(_file(name).read_text(encoding="utf-8")))


def answer(name: str, question: Question) -> str:
    """What one record holds as the answer to a question."""
    return recorded(name)[_key(question)]


def _record(name: str) -> None:
    asked = questions(_ASKED[name])
    answers = map(ours.answer, asked) if name.endswith("first") else json.load(sys.stdin)
    held = dict(zip(map(_key, asked), answers, strict=True))
    text = json.dumps(held, indent=1, ensure_ascii=False)
    _file(name).write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        asked = questions(sys.argv[2])
        json.dump([(q.reader, q.gene, q.text) for q in asked], sys.stdout)
    else:
        _record(sys.argv[2])
