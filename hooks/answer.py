"""Three-valued answers with their evidence, and what the rules conclude from them.

They are made by the hundred in each call: structs are made faster than dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import TypeAlias

import msgspec


class Truth(StrEnum):
    """Truth of a fact. Missing, failed or unreadable data is UNKNOWN, never NO."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Indicator(StrEnum):
    """Urgency of a card (CDS Hooks 2.0.1, card attributes), most urgent first."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for critical, 1 for warning, 2 for info."""
        return _RANKS[self]


_RANKS = {indicator: rank for rank, indicator in enumerate(Indicator)}


class Outcome(StrEnum):
    """What became of one recommendation for one patient or order."""

    APPLIES = "applies"
    DOES_NOT_APPLY = "does not apply"
    CANNOT_TELL = "cannot tell"


class Evidence(msgspec.Struct, frozen=True):
    """One thing found in the record, in our own words.

    `label` and `value` hold labels of this service, numbers, units and dates only, never text
    of the record. `reference` is `Type/id`; `how` says how the entry was recognised.
    """

    reference: str
    label: str
    value: str | None = None
    day: date | None = None
    how: str = "code"


class Answer(msgspec.Struct, frozen=True):
    """The answer to one named question, with what it rests on and what was missing.

    `value` is a short label or number for display and for the comparison that keeps a dismissed
    card away; it never contains text of the record or an age in days.
    """

    fact: str
    truth: Truth
    because: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()
    value: str | None = None


Fill: TypeAlias = str | tuple[str, ...]
"""What fills a placeholder: a label, or a list of labels that a summary may shorten."""


class Verdict(msgspec.Struct, frozen=True):
    """What the rule of one recommendation concludes.

    `variant` names the wording in the recommendation file (and with it the indicator), `fills`
    its placeholders, `unknowns` what could not be verified, `remarks` extra sentences by name,
    `withheld` suggestions of the file that do not fit this patient.
    """

    outcome: Outcome
    variant: str | None = None
    answers: tuple[Answer, ...] = ()
    fills: Mapping[str, Fill] = msgspec.field(default_factory=dict)
    unknowns: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()


def applies(variant: str, *answers: Answer, **fills: Fill) -> Verdict:
    """The recommendation applies, in the wording of this variant."""
    return Verdict(Outcome.APPLIES, variant, answers, fills)


def silent(*answers: Answer) -> Verdict:
    """The recommendation is not produced: excluded by what is known, else it cannot be told.

    `answers` are what decided: if any of them is unknown, the outcome is *cannot tell*.
    """
    unknown = any(answer.truth is Truth.UNKNOWN for answer in answers)
    return Verdict(Outcome.CANNOT_TELL if unknown else Outcome.DOES_NOT_APPLY, None, answers)


class Finding(msgspec.Struct, frozen=True):
    """A verdict with its recommendation and, for order-sign, its draft order (a label)."""

    recommendation: str
    verdict: Verdict
    indicator: Indicator | None = None
    order: str | None = None

    @property
    def outcome(self) -> Outcome:
        """Applies, does not apply or cannot tell."""
        return self.verdict.outcome
