"""The sections of a report: what it says of this examination, and what it tells beside it.

A report tells why it was asked for, what was known and how the study was done; none of that is a
result. Headings are data (lexicon, sections).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from hooks.values.lexicon import names, term

T = TypeVar("T")


def _sentences(line: str) -> list[str]:
    return re.split(r"(?<=[.;])\s+", line.strip())


class _Reading:
    """Where in a report one is; `until_empty`: an empty line ends the section that is left out."""

    def __init__(self) -> None:
        self.out = self.until_empty = False

    def keeps(self, sentence: str, technique: bool) -> bool:
        """Whether a sentence belongs to what is read."""
        alone = names(sentence, "section-heading-alone")
        if names(sentence, "section-background"):
            self.out, self.until_empty = True, not alone
        elif not technique and names(sentence, "section-technique"):
            if alone:
                self.out = self.until_empty = True
            return False
        elif names(sentence, "section-result"):
            self.out = False
        return not self.out


def result_part(text: str, technique: bool = False) -> str:
    """The text without history, indication, comparison and the like, and without the technique.

    Such a section ends at the heading of a result; one that begins on the line of its heading, and
    one on the technique, also at an empty line. Technique beside its heading is one sentence.
    """
    reading, lines = _Reading(), []
    for line in text.splitlines():
        if reading.until_empty and not line.strip():
            reading.out = False
        kept = (sentence for sentence in _sentences(line) if reading.keeps(sentence, technique))
        lines.append(" ".join(kept))
    return "\n".join(lines)


def read_both_ways(text: str, read: Callable[[str], T], undecided: T) -> T:
    """What a text says with its line ends, if it says the same where lines go on in the next.

    "No evidence of / leptomeningeal disease" would be two statements; whether a line end is one
    cannot be known, so that a text which depends on it decides nothing.
    """
    said = read(text)
    run_on = term("line-goes-on").sub(" ", text)
    return said if run_on == text or read(run_on) == said else undecided
