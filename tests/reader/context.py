"""What medspaCy's ConText answers to a labelled question, with the terms of our own lexicon.

    make reader-comparison

Sentences come from PyRuSH; negation, hedge, history and hypothesis from ConText's default rules,
in place of our clauses and cues. Targets are the matches of our lexicon, and how the targets of one
sentence make an answer is the same as in the text rules. medspaCy is installed in an environment of
its own (requirements-reader.lock); it brings a package named `tests`, so nothing here imports ours.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache
from typing import Any

from hooks.readings.imaging import Pattern, united
from hooks.readings.text import normalised
from hooks.values.lexicon import names, term


class Status(Enum):
    """What ConText says of a target; historical, hypothetical and family are not counted."""

    AFFIRMED = "affirmed"
    POSSIBLE = "possible"
    NEGATED = "negated"
    NOT_COUNTED = "not counted"


@cache
def _pipeline() -> tuple[Any, Any, Any]:
    import medspacy
    from loguru import logger

    logger.disable("PyRuSH")
    nlp = medspacy.load(enable=["medspacy_pyrush", "medspacy_context"])
    return nlp, nlp.get_pipe("medspacy_pyrush"), nlp.get_pipe("medspacy_context")


def _status(target: Any) -> Status:
    said = target._
    if said.is_historical or said.is_hypothetical or said.is_family:
        return Status.NOT_COUNTED
    if said.is_uncertain:
        return Status.POSSIBLE
    return Status.NEGATED if said.is_negated else Status.AFFIRMED


class Sentence:
    """One sentence of a document, and the status of the targets in it."""

    def __init__(self, text: str, whole: str, start: int) -> None:
        """A sentence that begins at `start` of the whole text."""
        self.text, self._whole, self._start = text, whole, start

    def stati(self, name: str) -> set[Status]:
        """The status of each target of one lexicon term."""
        return {status for status, _ in self.targets(name)}

    def targets(self, name: str) -> list[tuple[Status, str]]:
        """Each target of one lexicon term: its status and its words."""
        inside = range(self._start, self._start + len(self.text))
        return [(s, words) for s, words, at in _targets(self._whole, name) if at in inside]


@cache
def _targets(text: str, name: str) -> list[tuple[Status, str, int]]:
    from spacy.util import filter_spans

    nlp, sentencizer, context = _pipeline()
    doc = sentencizer(nlp.make_doc(text))
    spans = (
        doc.char_span(m.start(), m.end(), label=name, alignment_mode="expand")
        for m in term(name).finditer(text)
    )
    doc.ents = filter_spans(spans)
    return [(_status(found), found.text, found.start_char) for found in context(doc).ents]


@cache
def _sentences(text: str) -> tuple[Sentence, ...]:
    nlp, sentencizer, _ = _pipeline()
    sentences = sentencizer(nlp.make_doc(text)).sents
    return tuple(Sentence(found.text, text, found.start_char) for found in sentences)


def _cytology_of(sentence: Sentence) -> Iterator[str]:
    counted = {Status.AFFIRMED, Status.POSSIBLE}
    if sentence.stati("cytology-inadequate") & counted:
        yield "inadequate"
    malignant = sentence.stati("cytology-malignant-term")
    stated = names(sentence.text, "cytology-positive") or names(
        normalised(sentence.text).rstrip("."), "cytology-bare-diagnosis"
    )
    if sentence.stati("cytology-equivocal") & counted or Status.POSSIBLE in malignant:
        yield "equivocal"
    elif Status.NEGATED in malignant:
        yield from ["negative"] if malignant == {Status.NEGATED} else []
    elif Status.AFFIRMED in malignant and stated:
        yield "positive"
    elif names(sentence.text, "cytology-negative"):
        yield "negative"


def _cytology(text: str) -> str:
    whole = normalised(text).rstrip(".").lower()
    if whole in ("positive", "negative"):
        return whole
    found = {answer for sentence in _sentences(text) for answer in _cytology_of(sentence)}
    order = ("positive", "equivocal", "inadequate", "negative")
    return next((answer for answer in order if answer in found), "cannot tell")


def _mri_of(sentence: Sentence) -> Pattern | None:
    normal = Pattern.NORMAL if Status.AFFIRMED in sentence.stati("mri-normal") else None
    leptomeninges = names(sentence.text, "mri-site")
    site = sentence.stati("mri-site" if leptomeninges else "mri-other-site")
    finding = sentence.stati("mri-finding" if leptomeninges else "mri-strong-finding")
    outside = Status.AFFIRMED in sentence.stati("mri-outside-the-meninges") or names(
        sentence.text, "mri-dural-only"
    )
    if not site or (outside and not leptomeninges):
        return normal
    if finding and Status.POSSIBLE in site | finding:
        return Pattern.EQUIVOCAL
    if Status.AFFIRMED in site and Status.AFFIRMED in finding:
        return _positive_mri(sentence)
    explicit = site == {Status.NEGATED} or finding == {Status.NEGATED}
    return Pattern.NORMAL if explicit else normal


def _positive_mri(sentence: Sentence) -> Pattern:
    nodular = Status.AFFIRMED in sentence.stati("mri-nodular")
    linear = Status.AFFIRMED in sentence.stati("mri-linear")
    if nodular:
        return Pattern.BOTH if linear else Pattern.NODULAR
    return Pattern.LINEAR


def _mri(text: str) -> str:
    found = (_mri_of(sentence) for sentence in _sentences(text))
    return united(pattern for pattern in found if pattern).value


def _flow(text: str) -> str:
    obstructed = _all(text, "flow-obstructed")
    stopped = any(names(s.text, "flow-obstructed-not-negatable") for s in _sentences(text))
    if Status.AFFIRMED in obstructed or stopped:
        return "obstructed"
    if Status.AFFIRMED in _all(text, "flow-restored"):
        return "restored"
    if Status.AFFIRMED in _all(text, "flow-normal") or obstructed == {Status.NEGATED}:
        return "normal"
    return "unknown"


def _all(text: str, name: str) -> set[Status]:
    return {status for sentence in _sentences(text) for status in sentence.stati(name)}


def _valve(text: str) -> str:
    on_off = _all(text, "shunt-on-off")
    if Status.NEGATED in on_off:
        return "no_valve"
    if Status.AFFIRMED in on_off:
        return "on_off"
    if Status.AFFIRMED in _all(text, "shunt-programmable"):
        plan = Status.AFFIRMED in _all(text, "shunt-closing-plan")
        return "programmable_plan" if plan else "programmable"
    return "valve_unknown"


def _form(text: str) -> str:
    free, preserved = _all(text, "form-pf"), _all(text, "form-preserved")
    within = {words for _, words, _ in _targets(text, "form-pf")}
    own = {
        status
        for status, words, _ in _targets(text, "form-preserved")
        if not any(words in longer for longer in within)
    }
    if Status.AFFIRMED in own or (Status.NEGATED in free and preserved):
        return "preserved"
    return "PF" if Status.AFFIRMED in free else "unknown"


_NEGATIVE_WORDS = re.compile(r"(?i)\bnegative\b|\bwild[- ]?type\b|\babsent\b|-low\b|\b0\b|\b1\+")


def _marker_of(sentence: Sentence, gene: str) -> str | None:
    named = sentence.stati(f"marker-{gene.lower()}-named")
    variant = sentence.stati("marker-variant-present")
    if not named or names(sentence.text, "marker-ignore") or named & _UNSURE or variant & _UNSURE:
        return None
    if Status.NEGATED in named | variant or _NEGATIVE_WORDS.search(sentence.text):
        return "neg"
    return "pos" if Status.AFFIRMED in variant else None


_UNSURE = {Status.POSSIBLE, Status.NOT_COUNTED}


def _marker(text: str, gene: str) -> str:
    found = [_marker_of(sentence, gene) for sentence in _sentences(text)]
    return next((verdict for verdict in ("pos", "neg") if verdict in found), "U")


_READERS: dict[str, Callable[[str], str]] = {
    "cytology": _cytology,
    "mri": _mri,
    "flow": _flow,
    "valve": _valve,
    "form": _form,
}


def answer(reader: str, gene: str, text: str) -> str:
    """The answer of one reader that is built on ConText."""
    return _marker(text, gene) if gene else _READERS[reader](text)


if __name__ == "__main__":
    json.dump([answer(*question) for question in json.load(sys.stdin)], sys.stdout)
