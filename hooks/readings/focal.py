"""Focal symptomatic lesions on the problem list (data elements, section 3.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hooks.answer import Evidence
from hooks.fhir import Condition
from hooks.readings.concepts import (
    evidence,
    how_matched,
    is_present,
    onset_or_recorded,
    text_of,
)
from hooks.values.lexicon import names

_ANY_LESION = "focal-symptomatic-lesion"
_SITES = {
    "focal-cord-or-cauda-compression": ("compression of spinal cord or cauda equina", True),
    "focal-cauda-equina": ("cauda equina", True),
    "focal-cranial-nerve": ("cranial nerve", False),
    _ANY_LESION: ("symptomatic nodule or deposit", False),
}
"""Label and urgency of each site, the most urgent first."""


@dataclass(frozen=True, slots=True)
class FocalLesion:
    """A circumscribed symptomatic lesion; `urgent` for cord and cauda equina."""

    site: str
    urgent: bool
    source: Evidence


def _how(name: str, condition: Condition) -> str | None:
    """How a Condition was recognised; a nodule that is named as one of another organ is none."""
    how = how_matched(name, condition.code)
    elsewhere = name == _ANY_LESION and names(text_of(condition.code), "focal-elsewhere")
    return None if how == "text" and elsewhere else how


def read_focal_lesion(conditions: Iterable[Condition]) -> FocalLesion | None:
    """The most urgent active focal lesion; None = none on record."""
    standing = [condition for condition in conditions if is_present(condition)]
    for name, (site, urgent) in _SITES.items():
        for condition in standing:
            how = _how(name, condition)
            if how:
                when = onset_or_recorded(condition)
                source = evidence(condition, "focal lesion", site, when, how)
                return FocalLesion(site, urgent, source)
    return None
