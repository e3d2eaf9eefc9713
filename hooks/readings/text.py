"""Reading free text by clauses, terms and negation (data elements, section 1.5).

Text of the record is data: it is matched against known terms and never copied anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from hooks.values.lexicon import names, term

_REPLACEMENTS = str.maketrans(
    {"²": "2", "µ": "u", "μ": "u", "–": "-", "—": "-", "−": "-", "‑": "-"}
)


def normalised(text: str) -> str:
    """White space collapsed, typographic variants replaced."""
    return " ".join(text.translate(_REPLACEMENTS).split())


@lru_cache(maxsize=4096)
def clauses(text: str) -> tuple[str, ...]:
    """The clauses of a text, in which one negation reaches to the end and no further."""
    found: list[str] = []
    for line in text.splitlines():
        for part in term("clause-end").split(normalised(line)):
            if part.strip():
                found.extend(_cut_after_negation(part.strip()))
    return tuple(found)


def _cut_after_negation(clause: str) -> list[str]:
    """A clause "no A, B" whose B states something of its own is cut at that comma.

    B is kept as a clause if A has a predicate too; otherwise it is ambiguous and not read.
    """
    negation = term("negation-before-comma").search(clause)
    if not negation:
        return [clause]
    for comma in re.finditer(",", clause[negation.end() :]):
        cut = negation.end() + comma.start()
        before, after = clause[:cut].strip(), clause[cut + 1 :].strip()
        if names(after, "predicate") and not names(after, "conjunction-or-negation"):
            return [before, after] if names(before, "predicate") else [before]
    return [clause]


def is_negated(clause: str, found: re.Match[str], cue: str, after: str | None) -> bool:
    """Whether a term found in a clause is negated by a cue before it or by the words after it."""
    if term(cue).search(clause, 0, found.start()):
        return True
    return after is not None and term(after).search(clause[found.end() :]) is not None


def unnegated(
    clause: str, name: str, cue: str = "report-negated", after: str | None = "report-negated-after"
) -> list[re.Match[str]]:
    """The un-negated places of a term in one clause."""
    return [m for m in term(name).finditer(clause) if not is_negated(clause, m, cue, after)]


def says(
    text: str, name: str, cue: str = "report-negated", after: str | None = "report-negated-after"
) -> bool:
    """Whether some clause of the text names the term without negating it."""
    return any(unnegated(clause, name, cue, after) for clause in clauses(text))


def joined(parts: Iterable[str | None]) -> str:
    """Several texts as one, each on its own line, repetitions left out."""
    return "\n".join(dict.fromkeys(part.strip() for part in parts if part and part.strip()))
