"""Neurological symptoms and signs (data elements, section 3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from hooks.answer import Evidence
from hooks.fhir import CodeableConcept, Condition, Observation
from hooks.readings.concepts import (
    CONDITION_CUES,
    FINAL,
    evidence,
    is_present,
    notes_of,
    onset_or_recorded,
    text_of,
    truth_of_value,
)
from hooks.readings.dates import Moment, days_ago, moment, period_moment, within
from hooks.readings.text import joined, says
from hooks.values.codes import all_matches, in_set, remembering_codes
from hooks.values.lexicon import names
from hooks.values.parameters import finding_kinds, window

_EXCLUDED = ("symptom-post-puncture-headache", "symptom-not-counted")
_PREFIX = "symptom-"


@dataclass(frozen=True, slots=True)
class Symptom:
    """One finding that counts (`code` of the finding table), `days` before the reference day."""

    code: str
    days: int
    source: Evidence


@dataclass(frozen=True, slots=True)
class _Entry:
    """One record of one finding; `positive` False is an explicit negative."""

    code: str
    days: int
    positive: bool
    source: Evidence


def _sets() -> tuple[str, ...]:
    return (*(_PREFIX + code for code in finding_kinds()), *_EXCLUDED)


@remembering_codes
def named_findings(concept: CodeableConcept | None) -> tuple[tuple[str, str], ...]:
    """The findings a code or text names, each with how it matched (`code` or `text`).

    A coded exclusion ends the search; post-puncture headache is no headache.
    """
    coded = all_matches(_sets(), concept)
    if coded:
        return tuple((name.removeprefix(_PREFIX), "code") for name in _without_excluded(coded))
    return tuple((code, "text") for code in _in_text(text_of(concept)))


def _without_excluded(coded: tuple[str, ...]) -> tuple[str, ...]:
    dropped = set(_EXCLUDED)
    if "symptom-post-puncture-headache" in coded:
        dropped.add("symptom-headache")
    return tuple(name for name in coded if name not in dropped)


def _in_text(text: str) -> Iterator[str]:
    after_puncture = names(text, "symptom-not-headache")
    for code in finding_kinds():
        if code == "headache" and after_puncture:
            continue
        if says(text, _PREFIX + code, CONDITION_CUES):
            yield code


def _most_recent(condition: Condition, today: date) -> tuple[int, Moment] | None:
    """Days since the most recent of onset and recording that is not in the future."""
    moments = (moment(condition.onset_date_time), moment(condition.recorded_date))
    known = [(days, m) for m in moments if m and (days := days_ago(m, today)) is not None]
    return min(known, key=lambda pair: pair[0], default=None)


def _is_chronic(condition: Condition, first_cancer: date | None, today: date) -> bool:
    """Began before the earliest cancer date and long ago."""
    began = onset_or_recorded(condition)
    if began is None or first_cancer is None:
        return False
    old = (today - began.day).days > window("chronic_symptom_days")
    return old and began.day < first_cancer


def _from_conditions(
    conditions: Iterable[Condition], first_cancer: date | None, today: date
) -> Iterator[_Entry]:
    for condition in conditions:
        named = named_findings(condition.code)
        dated = _most_recent(condition, today) if named and is_present(condition) else None
        if not dated or _is_chronic(condition, first_cancer, today):
            continue
        own_text = joined((text_of(condition.code), notes_of(condition.note)))
        for code, how in named:
            if code == "sensory-loss" and names(own_text, "chemotherapy-neuropathy"):
                continue
            yield _Entry(code, dated[0], True, _source(condition, code, dated[1], how))


def _source(resource: Condition | Observation, code: str, when: Moment, how: str) -> Evidence:
    return evidence(resource, finding_kinds()[code].label, None, when, how)


def _effective(observation: Observation) -> Moment | None:
    return (
        moment(observation.effective_date_time)
        or moment(observation.effective_instant)
        or period_moment(observation.effective_period)
    )


def _from_observations(observations: Iterable[Observation], today: date) -> Iterator[_Entry]:
    for observation in observations:
        named = named_findings(observation.code)
        if not named or observation.status not in FINAL:
            continue
        positive, when = truth_of_value(observation), _effective(observation)
        days = days_ago(when, today)
        if positive is None or when is None or days is None:
            continue
        own_text = joined((text_of(observation.code), notes_of(observation.note)))
        for code, how in named:
            if code == "sensory-loss" and names(own_text, "chemotherapy-neuropathy"):
                continue
            yield _Entry(code, days, positive, _source(observation, code, when, how))


def has_chemotherapy_neuropathy(conditions: Iterable[Condition]) -> bool:
    """Whether an active Condition explains sensory loss by chemotherapy."""
    return any(is_present(condition) and _is_neuropathy(condition.code) for condition in conditions)


def _is_neuropathy(concept: CodeableConcept | None) -> bool:
    if in_set("chemotherapy-neuropathy", concept):
        return True
    text = text_of(concept)
    return names(text, "neuropathy") and says(text, "chemotherapy-neuropathy", CONDITION_CUES)


def read_symptoms(
    conditions: Iterable[Condition],
    observations: Iterable[Observation],
    first_cancer: date | None,
    today: date,
) -> tuple[Symptom, ...]:
    """One finding per code: the most recent positive record without a later explicit negative.

    Resolved, refuted, chronic and chemotherapy-explained records do not count.
    """
    conditions = tuple(conditions)
    entries = [
        *_from_conditions(conditions, first_cancer, today),
        *_from_observations(observations, today),
    ]
    if has_chemotherapy_neuropathy(conditions):
        entries = [entry for entry in entries if entry.code != "sensory-loss"]
    by_code: dict[str, list[_Entry]] = {code: [] for code in finding_kinds()}
    for entry in entries:
        by_code[entry.code].append(entry)
    found = (_remaining(code, own) for code, own in by_code.items() if own)
    return tuple(symptom for symptom in found if symptom)


def _remaining(code: str, own: list[_Entry]) -> Symptom | None:
    last_negative = min((entry.days for entry in own if not entry.positive), default=None)
    standing = [
        entry
        for entry in own
        if entry.positive and (last_negative is None or entry.days <= last_negative)
    ]
    newest = min(standing, key=lambda entry: entry.days, default=None)
    return Symptom(code, newest.days, newest.source) if newest else None


def live(symptoms: Iterable[Symptom]) -> tuple[Symptom, ...]:
    """The findings inside the symptom window."""
    return tuple(s for s in symptoms if within(s.days, window("symptom_days")))


def is_neurological_examination(code: CodeableConcept | None) -> bool:
    """Whether a title names a neurological examination."""
    return names(text_of(code), "neurological-examination")


def has_neurological_examination(observations: Iterable[Observation], today: date) -> bool:
    """Whether an Observation inside the window is titled as a neurological examination."""
    return any(
        observation.status in FINAL
        and is_neurological_examination(observation.code)
        and within(days_ago(_effective(observation), today), window("examination_days"))
        for observation in observations
    )
