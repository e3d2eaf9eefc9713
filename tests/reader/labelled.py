"""The labelled report sentences and the half that each belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import yaml

FOLDER = Path(__file__).parent

ANSWERS: dict[str, tuple[str, ...]] = {
    "cytology": ("positive", "equivocal", "inadequate", "negative", "cannot tell"),
    "mri": ("both", "nodular", "linear", "equivocal", "normal", "not stated"),
    "flow": ("obstructed", "restored", "normal", "unknown"),
    "valve": ("on_off", "programmable_plan", "programmable", "no_valve", "valve_unknown"),
    "form": ("preserved", "PF", "unknown"),
    "markers": ("pos", "neg", "U"),
}
"""The answers of each reader; the last one is no definite answer."""


class Half(StrEnum):
    """Rules may be tuned on the development half only."""

    DEVELOPMENT = "development"
    HELD_OUT = "held out"


@dataclass(frozen=True, slots=True)
class Question:
    """What one sentence says about one thing; `gene` is set for a marker only."""

    reader: str
    text: str
    label: str
    gene: str = ""

    @property
    def half(self) -> Half:
        """Even first byte of the SHA-256 of the text: development; odd: held out."""
        odd = sha256(self.text.encode()).digest()[0] % 2
        return Half.HELD_OUT if odd else Half.DEVELOPMENT


def _asked(reader: str, text: str, label: str) -> Iterator[Question]:
    if reader != "markers":
        yield Question(reader, text, label)
        return
    for decided in label.split(", "):
        gene, verdict = decided.split()
        yield Question(reader, text, verdict, gene)


def questions(name: str = "sentences") -> list[Question]:
    """All questions of `sentences` or `blind`; a sentence on two markers asks two."""
    content = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return [
        question
        for reader, entries in content.items()
        for entry in entries
        for label, text in entry.items()
        for question in _asked(reader, text, label)
    ]
