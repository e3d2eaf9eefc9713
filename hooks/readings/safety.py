"""Conditions and allergies that make intrathecal methotrexate unsafe (data elements, 3.7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hooks.answer import Evidence
from hooks.fhir import AllergyIntolerance, CodeableConcept, Condition
from hooks.readings.concepts import (
    CONDITION_CUES,
    codes_of,
    evidence,
    how_matched,
    is_present,
    onset_or_recorded,
    reference,
    text_of,
)
from hooks.readings.imaging import Study
from hooks.readings.text import says
from hooks.values.codes import in_set
from hooks.values.lexicon import names


def _first_present(
    conditions: Iterable[Condition],
    name: str,
    label: str,
    unless: str | None = None,
    cue: str = CONDITION_CUES,
) -> Evidence | None:
    for condition in conditions:
        how = how_matched(name, condition.code, cue)
        excluded = unless is not None and names(text_of(condition.code), unless)
        if how and is_present(condition) and not excluded:
            return evidence(condition, label, None, onset_or_recorded(condition), how)
    return None


def read_infection(conditions: Iterable[Condition]) -> Evidence | None:
    """Infection of the CNS or of a CSF device, also suspected; neoplastic meningitis is none."""
    label = "CNS or device infection"
    name, unless = "cns-or-device-infection", "cns-infection-not"
    return _first_present(conditions, name, label, unless, "entry-negated")


def read_third_space(conditions: Iterable[Condition]) -> Evidence | None:
    """Pleural effusion or ascites of any size."""
    return _first_present(conditions, "third-space", "pleural effusion or ascites")


def read_leukoencephalopathy(
    conditions: Iterable[Condition], brain: Sequence[Study]
) -> Evidence | None:
    """Leukoencephalopathy as an active Condition or on the newest brain MRI."""
    label = "leukoencephalopathy"
    found = _first_present(conditions, label, label)
    if found or not brain or not brain[0].leukoencephalopathy:
        return found
    source = brain[0].source
    return Evidence(source.reference, "leukoencephalopathy on MRI brain", None, source.day, "text")


def read_non_malignant_indication(
    conditions: Iterable[Condition],
    reasons: Iterable[CodeableConcept],
    order: str,
) -> Evidence | None:
    """A non-malignant indication of methotrexate, as reason of the order or active Condition."""
    label = "non-malignant indication of methotrexate"
    for reason in reasons:
        if how := how_matched("non-malignant-indication", reason):
            return Evidence(order, label, "reason of the order", None, how)
    return _first_present(conditions, "non-malignant-indication", label)


def _is_severe(allergy: AllergyIntolerance) -> bool:
    """High criticality, a severe reaction or anaphylaxis; or nothing said about severity."""
    reactions = allergy.reaction or ()
    severities = {reaction.severity for reaction in reactions if reaction.severity}
    manifestations = [m for reaction in reactions for m in reaction.manifestation or ()]
    anaphylaxis = in_set("allergy-severe-manifestation", *manifestations) or any(
        says(text_of(m), "allergy-severe-manifestation", CONDITION_CUES) for m in manifestations
    )
    if allergy.criticality == "high" or "severe" in severities or anaphylaxis:
        return True
    return allergy.criticality in (None, "unable-to-assess") and not severities


def _counts(allergy: AllergyIntolerance) -> bool:
    refuted = {"refuted", "entered-in-error"} & codes_of(allergy.verification_status)
    ended = {"inactive", "resolved"} & codes_of(allergy.clinical_status)
    return not refuted and not ended


def read_methotrexate_allergy(
    allergies: Iterable[AllergyIntolerance],
) -> tuple[bool, Evidence] | None:
    """Whether a methotrexate allergy on record is severe, with its evidence; None without one."""
    found = [
        (_is_severe(allergy), Evidence(reference(allergy), "methotrexate hypersensitivity"))
        for allergy in allergies
        if _counts(allergy) and how_matched("allergy-methotrexate", allergy.code, "entry-negated")
    ]
    return max(found, key=lambda pair: pair[0], default=None)
