"""A phrase for every alternative of every text pattern: losing one, or its case, must be seen.

Each row is a term, a phrase, and whether the term matches it. `python -m tests.frozen_phrases`
writes the rows anew; their difference then belongs to the review.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from hooks.values import file_names, lexicon, yaml_file
from tests.mutation.knowledge import alternatives

FILE = Path(__file__).with_name("frozen_phrases.csv")
HEADER = ("term", "phrase", "matches")

Row = tuple[str, str, str]
_LETTERS = " aA1:.,-?\n"


def _text(parsed: Any, groups: dict[int, str], widest: bool) -> str:
    """A text that a parsed regular expression matches, with or without its optional parts."""
    return "".join(_part(code, value, groups, widest) for code, value in parsed)


def _part(code: Any, value: Any, groups: dict[int, str], widest: bool) -> str:
    if code is sre.LITERAL:
        return chr(value)
    if code is sre.NOT_LITERAL:
        return next(letter for letter in _LETTERS if ord(letter) != value)
    if code is sre.ANY:
        return " "
    if code is sre.IN:
        return _one_of(value)
    if code in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        low, high, repeated = value
        times = max(low, min(1, int(high))) if widest else low
        return _text(repeated, groups, widest) * times
    if code is sre.SUBPATTERN:
        return _text(value[3], groups, widest)
    if code is sre.ATOMIC_GROUP:
        return _text(value, groups, widest)
    if code is sre.BRANCH:
        return _text(value[1][-1 if widest else 0], groups, widest)
    if code is sre.ATOMIC_GROUP:
        return _text(value, groups, widest)
    if code is sre.ASSERT and value[0] == 1:
        return _text(value[1], groups, widest)
    return ""


def _one_of(members: Any) -> str:
    for letter in [chr(v) for c, v in members if c is sre.LITERAL] + list(_LETTERS):
        if _matches_class(members, letter):
            return letter
    raise ValueError(f"no letter for {members}")


def _matches_class(members: Any, letter: str) -> bool:
    negated = members[0][0] is sre.NEGATE
    found = False
    for code, value in members[1:] if negated else members:
        if code is sre.LITERAL:
            found |= letter == chr(value)
        elif code is sre.RANGE:
            found |= value[0] <= ord(letter) <= value[1]
        elif code is sre.CATEGORY:
            category = {
                sre.CATEGORY_DIGIT: r"\d",
                sre.CATEGORY_SPACE: r"\s",
                sre.CATEGORY_WORD: r"\w",
                sre.CATEGORY_NOT_SPACE: r"\S",
                sre.CATEGORY_NOT_WORD: r"\W",
                sre.CATEGORY_NOT_DIGIT: r"\D",
            }[value]
            found |= re.fullmatch(category, letter) is not None
    return found is not negated


def _compiled(patterns: list[tuple[str, bool]]) -> re.Pattern[str]:
    parts = (f"(?:{p})" if exact else f"(?i:{p})" for p, exact in patterns)
    return re.compile("|".join(parts) or "(?!)")


def _candidates(part: str) -> Iterator[str]:
    parsed = parser.parse(part)
    for widest in (False, True):
        text = _text(parsed, {}, widest)
        for before in ("", "x ", "a", " ", ".", ":", "tumour "):
            for after in ("", " x", "a", " ", "\n", "\nnone"):
                yield before + text + after


def _rows(name: str, entries: list[dict[str, Any]]) -> Iterator[Row]:
    """A phrase that only this alternative matches; and what its case decides."""
    parts = [
        (part, bool(entry.get("case_sensitive")))
        for entry in entries
        for part in alternatives(entry["pattern"])
    ]
    whole = lexicon.term(name)
    for i, (part, exact) in enumerate(parts):
        rest = _compiled(parts[:i] + parts[i + 1 :])
        own = [t for t in _candidates(part) if whole.search(t) and not rest.search(t)]
        if not own:
            continue
        yield name, own[0], "yes"
        swapped = own[0].swapcase()
        as_other = _compiled([*parts[:i], (part, not exact), *parts[i + 1 :]])
        if bool(as_other.search(swapped)) is not bool(whole.search(swapped)):
            yield name, swapped, "no" if exact else "yes"


def known() -> list[Row]:
    """The phrases of all terms, sorted."""
    found = {
        row
        for file in file_names("lexicon", ".yaml")
        for name, term in yaml_file(f"lexicon/{file}")["terms"].items()
        for row in _rows(name, term["patterns"])
    }
    return sorted(found)


def frozen() -> list[Row]:
    """The rows of the file, in its order."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = [tuple(row) for row in csv.reader(file)]
    assert rows[0] == HEADER
    return [(name, phrase, matches) for name, phrase, matches in rows[1:]]


def write() -> None:
    """Write the file anew."""
    with FILE.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *known()])


if __name__ == "__main__":
    write()
