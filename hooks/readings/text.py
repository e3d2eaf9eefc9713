"""Reading free text by clauses, terms and negation (data elements, section 1.5).

Text of the record is data: it is matched against known terms and never copied anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from hooks.values.lexicon import names, remembering_short, term

_REPLACEMENTS = str.maketrans(
    {"²": "2", "µ": "u", "μ": "u", "\xad": None}
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff")
)


def normalised(text: str) -> str:
    """White space collapsed, typographic variants replaced, characters without width dropped."""
    return " ".join(text.translate(_REPLACEMENTS).split())


def plain_clauses(text: str) -> list[str]:
    """The clauses of a text, split at sentence ends, line ends and turning words only."""
    parts = (part for line in text.splitlines() for part in _sentences(line))
    return [part.strip() for part in parts if part.strip()]


def _sentences(line: str) -> list[str]:
    """Phrases that look like a negation and are none are taken out first."""
    steady = term("unchanged").sub("unchanged", normalised(line))
    return term("clause-end").split(term("contrast-phrase").sub(" ", steady))


@remembering_short
def clauses(text: str) -> tuple[str, ...]:
    """The clauses of a text, in which one negation reaches to the end and no further."""
    return _clauses(text)


@lru_cache(maxsize=32)
def _clauses(text: str) -> tuple[str, ...]:
    """The last long texts are remembered: one report is asked for one term after the other."""
    return tuple(part for clause in plain_clauses(text) for part in _cut_after_negation(clause))


def passed_over(text: str) -> list[str]:
    """The parts B of "no A, B is seen" that are ambiguous, and so are in no clause."""
    cut = ((clause, _cut_after_negation(clause)) for clause in plain_clauses(text))
    return [clause[len(kept[0]) :] for clause, kept in cut if len(kept) == 1]


def is_present_elsewhere(text: str) -> bool:
    """Whether a clause that negates goes on "…, present at B": what it clears is not everything."""
    return any(names(clause, "present-elsewhere") for clause in plain_clauses(text))


def _cut_after_negation(clause: str) -> list[str]:
    """A clause "no A, B" or "no A and B" whose B states something of its own is cut there.

    B is kept as a clause if A has a predicate too; otherwise it is ambiguous and not read.
    A clause "no A except B" is cut as well.
    """
    negation = term("negation-before-comma").search(clause)
    if negation is None:
        return [clause]
    if exception := term("exception").search(clause, negation.end()):
        return [*_cut_after_negation(clause[: exception.start()]), clause[exception.end() :]]
    joints = list(term("comma-or-and").finditer(clause, negation.end()))
    ends = [joint.start() for joint in joints[1:]]
    for joint, end in zip(joints, [*ends, len(clause)], strict=False):
        part = clause[joint.end() : end]
        if names(part, "predicate") and not names(part, "conjunction-or-negation"):
            before, after = clause[: joint.start()].strip(), clause[joint.end() :].strip()
            return [before, after] if names(before, "predicate") else [before]
    return [clause]


@lru_cache(maxsize=1024)
def _end_of_first_cue(clause: str, cue: str) -> int:
    found = term(cue).search(clause)
    return found.end() if found else len(clause) + 1


def is_negated(clause: str, found: re.Match[str], cue: str, after: str | None) -> bool:
    """Whether a term found in a clause is negated by a cue before it or by the words after it.

    "cannot be excluded", "has not resolved" and the like clear nothing.
    """
    if _end_of_first_cue(clause, cue) <= found.start():
        return True
    follows = term(after).search(clause[found.end() :]) if after else None
    return follows is not None and not names(follows.group(), "clears-nothing")


def unnegated(
    clause: str, name: str, cue: str = "report-negated", after: str | None = "report-negated-after"
) -> list[re.Match[str]]:
    """The un-negated places of a term in one clause."""
    return [m for m in term(name).finditer(clause) if not is_negated(clause, m, cue, after)]


@remembering_short
def says(
    text: str, name: str, cue: str = "report-negated", after: str | None = "report-negated-after"
) -> bool:
    """Whether some clause of the text names the term without negating it."""
    return any(unnegated(clause, name, cue, after) for clause in clauses(text))


def statements(text: str) -> tuple[str, ...]:
    """The clauses of a text that state something: neither doubly negated nor not looked at."""
    unstated = ("double-negation", "not-assessed")
    return tuple(c for c in clauses(text) if not any(names(c, name) for name in unstated))


def joined(parts: Iterable[str | None]) -> str:
    """Several texts as one, each on its own line, repetitions left out."""
    return "\n".join(dict.fromkeys(part.strip() for part in parts if part and part.strip()))
