"""The chart under construction: dates, references, codings and ids, rotated by style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tests.charts.vocabulary import ALIASES, SYSTEMS, JsonObject, concept

T = TypeVar("T")

STYLES = ("icd", "snomed", "text", "mixed")
_NOTATIONS = {
    "icd": ("icd", "rxnorm", "snomed", "atc", "text"),
    "snomed": ("snomed", "atc", "icd", "rxnorm", "text"),
    "text": ("text", "icd", "rxnorm", "snomed", "atc"),
}


@dataclass
class Writer:
    """Collects the resources of one chart.

    `style` says how concepts are written; `mixed` changes the notation with every use.
    `turn` makes each use take the next phrase, so that charts of one case differ.
    """

    now: datetime
    style: str
    patient_id: str = "pt-1"
    resources: list[JsonObject] = field(default_factory=list)
    turn: int = 0

    def pick(self, options: Sequence[T]) -> T:
        """The next of several equally valid ways to write something."""
        self.turn += 1
        return options[(self.turn + STYLES.index(self.style)) % len(options)]

    def notation(self) -> str:
        """`icd`, `snomed` or `text` for the next concept."""
        return self.pick(STYLES[:3]) if self.style == "mixed" else self.style

    def day(self, days: float) -> str:
        """The date that lies this many whole days before the call."""
        return (self.now - timedelta(days=days)).date().isoformat()

    def moment(self, days: float, clock: str = "08:00:00") -> str:
        """A UTC time of day on the date this many days before the call."""
        return f"{self.day(days)}T{clock}Z"

    def hours(self, hours: float) -> str:
        """The exact UTC time this many hours after (negative: before) the call."""
        return (self.now + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")

    def subject(self) -> JsonObject:
        """A reference to the patient of the chart."""
        versions = ("", "", "/_history/3")
        return {"reference": f"Patient/{self.patient_id}{self.pick(versions)}"}

    def add(self, kind: str, *, owner: str | None = "subject", **elements: Any) -> JsonObject:
        """Append a resource; elements that are None are left out."""
        resource = {"resourceType": kind, "id": f"{kind.lower()}-{len(self.resources) + 1}"}
        given = {name: value for name, value in elements.items() if value is not None}
        about = {owner: self.subject()} if owner and owner not in given else {}
        self.resources.append(resource | about | given)
        return self.resources[-1]

    def coded(self, system: str, code: str, text: str | None = None) -> JsonObject:
        """A CodeableConcept with one code, sometimes under the alias of its system."""
        alias = ALIASES.get(system, system) if self.style == "mixed" else system
        coding = [{"system": alias if self.turn % 3 == 0 else system, "code": code}]
        foreign = [{"system": "urn:example:local", "code": "L-1", "display": "Local entry"}]
        shown = {"text": text} if text else {}
        return {"coding": foreign + coding if self.style == "mixed" else coding} | shown

    def words(self, text: str) -> JsonObject:
        """A CodeableConcept that says something in words only."""
        display = {"coding": [{"system": "urn:example:local", "code": "L-2", "display": text}]}
        return self.pick(({"text": text}, {"text": text}, display))

    def concept(self, kind: str, name: str, text: str | None = None) -> JsonObject:
        """A concept of the table in the notation of the style; `text` is added to a code."""
        entry = concept(kind, name)
        notation = next(n for n in _NOTATIONS[self.notation()] if n in entry)
        chosen = self.pick(entry[notation])
        if notation == "text":
            return self.words(text or chosen)
        return self.coded(SYSTEMS[notation], chosen, text)
