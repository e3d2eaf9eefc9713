"""Tumour markers in report texts (data elements, section 3.1, cancer[].markers)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate, takewhile

from hooks.readings.text import clauses
from hooks.values.lexicon import names, term

GENES = ("EGFR", "ALK", "HER2", "BRAF")
"""The markers that decide which targeted option is looked at."""


_LONGEST_LIST = 500
"""Characters of a list of markers that may wait for the verdict at its end."""


def _verdict(part: str) -> str | None:
    """What a part of a clause says of the markers it names: `ignored`, `neg`, `pos` or nothing."""
    for name, verdict in (
        ("marker-ignore", "ignored"),
        ("marker-neg", "neg"),
        ("marker-variant-present", "pos"),
    ):
        if names(part, name):
            return verdict
    return None


def _split(clause: str) -> list[str]:
    """A clause cut at commas in front of another gene; a leading negation reaches its verdict."""
    start = 0
    if names(clause, "marker-leading-negation"):
        verdict = term("marker-verdict-word").search(clause)
        start = verdict.end() if verdict else len(clause)
    head, tail = clause[:start], clause[start:]
    first, *others = term("marker-next-gene").split(tail)
    return [head + first, *others]


def _parts(clause: str) -> Iterator[str]:
    """The parts of a clause; one without any verdict is joined with those up to the next verdict.

    "EGFR mutation" is none yet: its verdict may follow ("EGFR mutation, ALK fusion: negative").
    """
    parts, start = [part for part in _split(clause) if part], 0
    while start < len(parts):
        length = accumulate(len(part) + 2 for part in parts[start : start + _LONGEST_LIST])
        most = sum(1 for _ in takewhile(lambda size: size - 2 <= _LONGEST_LIST, length)) + 1
        waiting = _until_verdict(parts[start : start + most])
        yield ", ".join(waiting)
        start += len(waiting)


def _until_verdict(parts: list[str]) -> list[str]:
    """The first parts that together hold a verdict, else all.

    More parts never take a verdict away, so that halving finds the place.
    """
    if _is_decided(parts[:1]):
        return parts[:1]
    if not _is_decided(parts):
        return parts
    count = bisect_left(range(len(parts)), True, key=lambda n: _is_decided(parts[:n]))
    return parts[:count]


def _is_decided(parts: list[str]) -> bool:
    return _verdict(term("marker-bare-noun").sub(" ", ", ".join(parts))) is not None


def is_another_braf_change(text: str) -> bool:
    """Whether a text names changes of BRAF, none of them at V600."""
    if names(text, "marker-braf-other-change"):
        return True
    return names(text, "marker-amino-acid-change") and not names(text, "marker-braf-v600")


def _is_another_change(gene: str, part: str) -> bool:
    """Whether what is positive is no target of the drugs: EGFR amplified, HER2 mutated."""
    if gene == "BRAF":
        return is_another_braf_change(part)
    return gene != "ALK" and names(part, f"marker-{gene.lower()}-other-change")


def _named(text: str) -> list[str]:
    return [gene for gene in GENES if names(text, f"marker-{gene.lower()}-named")]


def _plain(text: str) -> str:
    """The text without what names a marker and is no result: examinations, drugs, enzymes."""
    tested = term("marker-examination").sub("tested", text)
    return term("marker-not-the-gene").sub("therapy", tested)


def named(title: str, conclusion: str) -> frozenset[str]:
    """The markers that a report names, with or without a result."""
    return frozenset((*_named(title), *_named(_plain(conclusion))))


def _contradicts(gene: str, part: str) -> bool:
    """Whether a negation in a part may be about something else than its marker.

    "EGFR mutated, no metastases", "EGFR negative, repeat positive": neither says what holds.
    """
    until_named, *others = term(f"marker-{gene.lower()}-named").split(part, maxsplit=1)
    after = "".join(others)
    negative = term("marker-neg").search(after)
    if negative is None:
        return False
    before, behind = after[: negative.start()], after[negative.end() :]
    ambiguous = ("marker-stated-positive", "marker-noun-before-comma")
    stated = any(names(before, name) for name in ambiguous) or names(
        until_named, "marker-positive-for"
    )
    return stated or names(behind, "marker-later-positive")


def _results(part: str) -> Iterator[tuple[str, str]]:
    """Each marker that a part decides, with its verdict."""
    verdict = _verdict(part)
    if verdict not in ("pos", "neg"):
        return
    unclear = _is_another_change if verdict == "pos" else _contradicts
    yield from ((gene, verdict) for gene in _named(part) if not unclear(gene, part))


def read(text: str) -> dict[str, str]:
    """`pos` or `neg` for each marker that a report text decides; an undecided one is absent."""
    found: dict[str, str] = {}
    for part in (part for clause in clauses(_plain(text)) for part in _parts(clause)):
        for gene, verdict in _results(part):
            if found.get(gene) != "pos":
                found[gene] = verdict
    return found


def read_report(title: str, conclusion: str) -> dict[str, str]:
    """The same for a report; a conclusion that names no marker is about those of its title."""
    titled = () if _named(conclusion) else _named(title)
    about = {gene: read(f"{gene} {conclusion}") for gene in titled}
    return {gene: found[gene] for gene, found in about.items() if gene in found} or read(conclusion)
