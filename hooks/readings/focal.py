"""Focal symptomatic lesions on the problem list (data elements, section 3.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hooks.answer import Evidence
from hooks.fhir import Condition
from hooks.readings.concepts import evidence, how_matched, is_present, onset_or_recorded

_SITES = {
    "focal-cord-or-cauda-compression": ("compression of spinal cord or cauda equina", True),
    "focal-cauda-equina": ("cauda equina", True),
    "focal-cranial-nerve": ("cranial nerve", False),
    "focal-symptomatic-lesion": ("symptomatic nodule or deposit", False),
}
"""Label and urgency of each site, the most urgent first."""


@dataclass(frozen=True, slots=True)
class FocalLesion:
    """A circumscribed symptomatic lesion; `urgent` for cord and cauda equina."""

    site: str
    urgent: bool
    source: Evidence


def read_focal_lesion(conditions: Iterable[Condition]) -> FocalLesion | None:
    """The most urgent active focal lesion; None = none on record."""
    standing = [condition for condition in conditions if is_present(condition)]
    for name, (site, urgent) in _SITES.items():
        for condition in standing:
            how = how_matched(name, condition.code)
            if how:
                when = onset_or_recorded(condition)
                source = evidence(condition, "focal lesion", site, when, how)
                return FocalLesion(site, urgent, source)
    return None
