"""The recorded answers of medspaCy's ConText, which the tests need not install.

python -m tests.reader.comparison ask      the questions, for tests/reader/context.py
python -m tests.reader.comparison record   its answers, into context_answers.json
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path

from tests.reader.labelled import Question, questions

ANSWERS = Path(__file__).parent / "context_answers.json"


def _key(question: Question) -> str:
    return f"{question.reader} {question.gene}: {question.text}"


@cache
def _recorded() -> dict[str, str]:
    return dict(json.loads(ANSWERS.read_text(encoding="utf-8")))


def context(question: Question) -> str:
    """What ConText answered to a question."""
    return _recorded()[_key(question)]


def main() -> None:
    """Write the questions to standard output, or read the answers from standard input."""
    if sys.argv[1:] == ["ask"]:
        json.dump([(q.reader, q.gene, q.text) for q in questions()], sys.stdout)
    else:
        answers = dict(zip(map(_key, questions()), json.load(sys.stdin), strict=True))
        text = json.dumps(answers, indent=1, ensure_ascii=False)
        ANSWERS.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
