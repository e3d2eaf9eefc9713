"""What codes and statuses of a resource say (data elements, sections 1.2 and 1.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import cache

from hooks.answer import Evidence
from hooks.fhir import (
    Annotation,
    CodeableConcept,
    Condition,
    DiagnosticReport,
    Observation,
    Procedure,
    Quantity,
    Resource,
)
from hooks.readings.dates import Moment, moment, period_moment
from hooks.readings.text import joined, normalised, says
from hooks.values.codes import best_match, codings, in_set, remembering_codes
from hooks.values.lexicon import names
from hooks.values.parameters import limit

FINAL = frozenset({"final", "amended", "corrected", "appended"})
NOT_THERE_YET = frozenset({"registered", "partial", "preliminary"})
CONDITION_CUES = "symptom-negated"


@remembering_codes
def text_of(concept: CodeableConcept | None) -> str:
    """The text of a concept, else the first display, normalised; empty when it has neither."""
    displays = (coding.display for coding in codings(concept))
    stated = (normalised(text) for text in (concept.text if concept else None, *displays) if text)
    return next((text for text in stated if text), "")


@remembering_codes
def all_text_of(concept: CodeableConcept | None) -> str:
    """The text and every display of a concept, each on its own line."""
    displays = (coding.display for coding in codings(concept))
    return joined((concept.text if concept else None, *displays))


def notes_of(notes: Iterable[Annotation] | None) -> str:
    """All annotation texts as one text."""
    return joined(note.text for note in notes or ())


def codes_of(concept: CodeableConcept | None) -> frozenset[str]:
    """The bare codes of a status-like concept, else its text, in lower case."""
    found = {c.code.strip().lower() for c in codings(concept) if c.code}
    if not found and concept and concept.text:
        found = {concept.text.strip().lower()}
    return frozenset(found)


class Verification(StrEnum):
    """How sure the chart is of a Condition."""

    CONFIRMED = "confirmed"
    DOUBTFUL = "doubtful"
    REFUTED = "refuted"
    IGNORED = "entered-in-error"


def verification(condition: Condition) -> Verification:
    """Absent counts as confirmed; unconfirmed, provisional and differential are doubtful."""
    return _verification(condition.verification_status)


@remembering_codes
def _verification(status: CodeableConcept | None) -> Verification:
    found = codes_of(status)
    for verdict in (Verification.IGNORED, Verification.REFUTED):
        if verdict in found:
            return verdict
    if not found or "confirmed" in found:
        return Verification.CONFIRMED
    return Verification.DOUBTFUL


def has_ended(condition: Condition) -> bool:
    """Inactive, in remission, resolved, or with any abatement."""
    abatement = (
        condition.abatement_date_time,
        condition.abatement_age,
        condition.abatement_period,
        condition.abatement_range,
        condition.abatement_string,
    )
    if abatement != _NO_ABATEMENT and any(value not in (None, "") for value in abatement):
        return True
    return _says_ended(condition.clinical_status)


_NO_ABATEMENT = (None,) * 5


@remembering_codes
def _says_ended(status: CodeableConcept | None) -> bool:
    return not codes_of(status).isdisjoint(("inactive", "remission", "resolved"))


def is_present(condition: Condition) -> bool:
    """Active and confirmed or doubtful: counts for everything but cancer and lm_dx."""
    sure = verification(condition) in (Verification.CONFIRMED, Verification.DOUBTFUL)
    return sure and not has_ended(condition)


def onset_or_recorded(condition: Condition) -> Moment | None:
    """When a Condition began, else when it was recorded."""
    return moment(condition.onset_date_time) or moment(condition.recorded_date)


def observed(observation: Observation) -> Moment | None:
    """The effective time of an Observation, else when it was issued."""
    return (
        moment(observation.effective_date_time)
        or moment(observation.effective_instant)
        or period_moment(observation.effective_period)
        or moment(observation.issued)
    )


def reported(report: DiagnosticReport) -> Moment | None:
    """The effective time of a DiagnosticReport, else when it was issued."""
    return (
        moment(report.effective_date_time)
        or period_moment(report.effective_period)
        or moment(report.issued)
    )


def performed(procedure: Procedure) -> Moment | None:
    """When a Procedure was performed."""
    return moment(procedure.performed_date_time) or period_moment(procedure.performed_period)


def how_matched(
    name: str, concept: CodeableConcept | None, cue: str = CONDITION_CUES, extra: str = ""
) -> str | None:
    """How a concept matches the value set and text term of one name: code, text or not at all.

    Text (and `extra` text beside it) is only read where no coding matches.
    """
    how = _matching(name, cue)(concept)
    if how or not extra:
        return how
    return "text" if says(joined((text_of(concept), extra)), name, cue) else None


@cache
def _matching(name: str, cue: str) -> Callable[[CodeableConcept | None], str | None]:
    @remembering_codes
    def how(concept: CodeableConcept | None) -> str | None:
        if in_set(name, concept):
            return "code"
        return "text" if says(text_of(concept), name, cue) else None

    return how


def shifted(quantity: Quantity) -> float | None:
    """The number of a quantity; a strict comparator moves it just below or above."""
    if quantity.value is None:
        return None
    if not quantity.comparator:
        return quantity.value
    step = {"<": -limit("comparator_step"), ">": limit("comparator_step")}
    return quantity.value + step.get(quantity.comparator, 0.0)


def unit_of(quantity: Quantity) -> str:
    """The coded unit, else the printed one, white space collapsed."""
    return normalised(quantity.code or quantity.unit or "")


def truth_of_value(observation: Observation) -> bool | None:
    """Whether an Observation says present (True) or absent (False); None when it says neither."""
    if observation.value_boolean is not None:
        return observation.value_boolean
    concept = observation.value_codeable_concept
    coded = best_match(("cytology-positive", "cytology-negative"), concept)
    if coded:
        return coded == "cytology-positive"
    text = (observation.value_string or text_of(concept)).strip().rstrip(".")
    if names(text, "value-positive"):
        return True
    return False if names(text, "value-negative") else None


_ID = re.compile(r"(?!.*www\.)[a-z0-9\-.]{1,64}", re.IGNORECASE | re.ASCII)
"""A FHIR id without `www.`, of which some Markdown renderers make a link."""


def well_formed(identifier: object) -> bool:
    """Whether a value is a FHIR id (R4, 2.24.0.1), and so may be printed."""
    return isinstance(identifier, str) and _ID.fullmatch(identifier) is not None


def reference(resource: Resource) -> str:
    """`Type/id`, or the type alone for a resource without a well-formed id."""
    kind = resource.resource_type
    return f"{kind}/{resource.id}" if well_formed(resource.id) else kind


def evidence(
    resource: Resource,
    label: str,
    value: str | None = None,
    when: Moment | None = None,
    how: str = "code",
) -> Evidence:
    """Evidence from one resource, in our own words."""
    return Evidence(reference(resource), label, value, when.day if when else None, how)
