"""The sections of a report: what it says of this examination, and what it tells beside it.

A report tells why it was asked for, what was known and how the study was done; none of that is a
result. Headings are data (lexicon, sections).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from hooks.values.lexicon import names, term

T = TypeVar("T")
_BESIDE_THE_RESULT = ("section-background", "section-technique")


def _sentences(line: str) -> list[str]:
    return re.split(r"(?<=[.;])\s+", line.strip())


def _kept(lines: list[str], unread: tuple[str, ...]) -> Iterator[str]:
    """Lines without the sections to leave out.

    A section ends at the heading of a result; one that begins on the line of its heading also ends
    at an empty line.
    """
    out, on_the_line = False, False
    for line in lines:
        out = out and not (on_the_line and not line.strip())
        told = []
        for sentence in _sentences(line):
            if any(names(sentence, name) for name in unread):
                out, on_the_line = True, not names(sentence, "section-heading-alone")
            elif names(sentence, "section-result"):
                out = False
            told += [] if out else [sentence]
        yield " ".join(told)


def result_part(text: str, unread: tuple[str, ...] = _BESIDE_THE_RESULT) -> str:
    """The text without history, indication, comparison, technique and the like."""
    return "\n".join(_kept(text.splitlines(), unread))


def read_both_ways(text: str, read: Callable[[str], T], undecided: T) -> T:
    """What a text says with its line ends, if it says the same where lines go on in the next.

    "No evidence of / leptomeningeal disease" would be two statements; whether a line end is one
    cannot be known, so that a text which depends on it decides nothing.
    """
    said = read(text)
    run_on = term("line-goes-on").sub(" ", text)
    return said if run_on == text or read(run_on) == said else undecided
