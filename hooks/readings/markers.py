"""Tumour markers in report texts (data elements, section 3.1, cancer[].markers)."""

from __future__ import annotations

from collections.abc import Iterator

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
    """The parts of a clause; one without any verdict is joined with the next."""
    waiting = ""
    for part in _split(clause):
        waiting = f"{waiting}, {part}" if waiting else part
        if _verdict(waiting) or len(waiting) > _LONGEST_LIST:
            yield waiting
            waiting = ""
    if waiting:
        yield waiting


def is_another_braf_change(text: str) -> bool:
    """Whether a text names changes of BRAF, none of them at V600."""
    return names(text, "marker-amino-acid-change") and not names(text, "marker-braf-v600")


def _named(text: str) -> list[str]:
    return [gene for gene in GENES if names(text, f"marker-{gene.lower()}-named")]


def read(text: str) -> dict[str, str]:
    """`pos` or `neg` for each marker that a report text decides; an undecided one is absent."""
    found: dict[str, str] = {}
    for part in (part for clause in clauses(text) for part in _parts(clause)):
        verdict = _verdict(part)
        if verdict not in ("pos", "neg"):
            continue
        for gene in _named(part):
            other = gene == "BRAF" and verdict == "pos" and is_another_braf_change(part)
            if not other and found.get(gene) != "pos":
                found[gene] = verdict
    return found


def read_report(title: str, conclusion: str) -> dict[str, str]:
    """The same for a report; a conclusion that names no marker is about those of its title."""
    titled = () if _named(conclusion) else _named(title)
    about = {gene: read(f"{gene} {conclusion}") for gene in titled}
    return {gene: found[gene] for gene, found in about.items() if gene in found} or read(conclusion)
