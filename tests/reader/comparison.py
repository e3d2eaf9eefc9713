"""Recorded answers: of medspaCy's ConText, and of the text rules before they were tuned.

    python -m tests.reader.comparison ask               the questions, for tests/reader/context.py
    python -m tests.reader.comparison record context    its answers from standard input
    python -m tests.reader.comparison record first      those of the text rules as they are

`first.json` was recorded with the text rules of the commit that added sentences.yaml, which holds
no rule that was made for it.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path

from tests.reader import ours
from tests.reader.labelled import Question, questions


def _file(name: str) -> Path:
    return Path(__file__).parent / f"{name}.json"


def _key(question: Question) -> str:
    return f"{question.reader} {question.gene}: {question.text}"


@cache
def recorded(name: str) -> dict[str, str]:
    """The answers of `context` or `first` by question."""
    return dict(json.loads(_file(name).read_text(encoding="utf-8")))


def context(question: Question) -> str:
    """What ConText answered to a question."""
    return recorded("context")[_key(question)]


def first(question: Question) -> str:
    """What the text rules answered before any of them was tuned."""
    return recorded("first")[_key(question)]


def _record(name: str) -> None:
    asked = questions()
    answers = map(ours.answer, asked) if name == "first" else json.load(sys.stdin)
    held = dict(zip(map(_key, asked), answers, strict=True))
    text = json.dumps(held, indent=1, ensure_ascii=False)
    _file(name).write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        json.dump([(q.reader, q.gene, q.text) for q in questions()], sys.stdout)
    else:
        _record(sys.argv[2])
