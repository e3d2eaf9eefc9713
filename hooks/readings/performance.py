"""Performance status and hospice care (data elements, section 3.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from math import ceil, floor

from hooks.answer import Evidence
from hooks.fhir import (
    CodeableConcept,
    Condition,
    Observation,
    Procedure,
    Quantity,
    ServiceRequest,
)
from hooks.readings.concepts import (
    CONDITION_CUES,
    FINAL,
    evidence,
    is_present,
    observed,
    shifted,
    text_of,
    unit_of,
)
from hooks.readings.dates import days_ago, within
from hooks.readings.text import joined, normalised, says
from hooks.values.codes import codings, in_set
from hooks.values.lexicon import names, term
from hooks.values.parameters import answer_codes, limit, unit_factors, window

_HIGHEST = {"kps": 100, "ecog": 5}
_STEP = {"kps": 10, "ecog": 1}
"""How far apart the ends of a range may be that is one statement ("ECOG 1-2")."""
_LABELS = {"kps": "Karnofsky performance status", "ecog": "ECOG performance status"}


@dataclass(frozen=True, slots=True)
class Score:
    """A current performance score."""

    value: int
    days: int
    source: Evidence


def _in_words(scale: str, text: str) -> float | None:
    """The first number of a text; of a range the worse end, "<" and ">" as with a quantity."""
    found = term("score-in-words").search(text)
    if found is None:
        return None
    ends = [float(number) for number in (found["first"], found["second"]) if number]
    if max(ends) - min(ends) > _STEP[scale]:
        return None
    worse = min(ends) if scale == "kps" else max(ends)
    before = term("comparator-before").search(text[max(0, found.start() - 3) : found.start()])
    return shifted(Quantity(value=worse, comparator=before[1] if before else None))


def _value(scale: str, observation: Observation) -> int | None:
    """The score: integer, quantity, LOINC answer code, or the first number of a string."""
    quantity = observation.value_quantity
    numbers = [observation.value_integer, shifted(quantity) if quantity else None]
    concepts = (observation.value_codeable_concept, *(observation.interpretation or ()))
    codes = answer_codes(scale)
    numbers += [codes.get(c.code or "") for concept in concepts for c in codings(concept)]
    numbers.append(_in_words(scale, observation.value_string or ""))
    known = next((number for number in numbers if number is not None), None)
    return None if known is None else _whole(scale, known)


def _whole(scale: str, number: float) -> int | None:
    """A score of the scale, rounded to the worse side; None for a fraction of 1 as KPS."""
    if not 0 <= number <= _HIGHEST[scale] or (scale == "kps" and 0 < number < 1):
        return None
    return floor(number) if scale == "kps" else ceil(number)


def is_score(code: CodeableConcept | None) -> bool:
    """Whether a code or title names a performance status."""
    return any(_is_scale(scale, code) for scale in _LABELS)


def _is_scale(scale: str, code: CodeableConcept | None) -> bool:
    return in_set(scale, code) or names(text_of(code), scale)


def read_score(scale: str, observations: Iterable[Observation], today: date) -> Score | None:
    """The newest current score of `kps` or `ecog`; on one day the worse one."""
    scores = []
    for observation in observations:
        if observation.status not in FINAL or not _is_scale(scale, observation.code):
            continue
        when = observed(observation)
        days, value = days_ago(when, today), _value(scale, observation)
        if days is not None and value is not None and within(days, window("performance_days")):
            source = evidence(observation, _LABELS[scale], str(value), when)
            scores.append(Score(value, days, source))
    worse = 1 if scale == "kps" else -1
    return min(scores, key=lambda score: (score.days, worse * score.value), default=None)


def has_unreadable_score(observations: Iterable[Observation], today: date) -> bool:
    """Whether a current score is on record whose value cannot be read."""
    return any(
        _value(scale, observation) is None
        for observation in observations
        for scale in _LABELS
        if observation.status in FINAL
        and _is_scale(scale, observation.code)
        and within(days_ago(observed(observation), today), window("performance_days"))
    )


@dataclass(frozen=True, slots=True)
class Expectancy:
    """A documented life expectancy in days."""

    days: float
    source: Evidence


def _expected_days(observation: Observation) -> float | None:
    """The documented days: a quantity, else words for less than a month."""
    quantity = observation.value_quantity
    if quantity:
        number = shifted(quantity)
        factor = unit_factors("life_expectancy").get(unit_of(quantity))
        return number * factor if number is not None and number >= 0 and factor else None
    text = joined((observation.value_string, text_of(observation.value_codeable_concept)))
    short = names(normalised(text), "life-expectancy-short")
    return limit("life_expectancy_in_words") if short else None


def is_life_expectancy(code: CodeableConcept | None) -> bool:
    """Whether a title names a life expectancy."""
    return names(text_of(code), "life-expectancy-named")


def read_life_expectancy(observations: Iterable[Observation], today: date) -> Expectancy | None:
    """The newest current life expectancy; on one day the shorter one."""
    found = []
    for observation in observations:
        when = observed(observation)
        age, days = days_ago(when, today), _expected_days(observation)
        final = observation.status in FINAL and is_life_expectancy(observation.code)
        current = final and within(age, window("performance_days"))
        if current and days is not None and age is not None:
            shown = "below 30 d" if days < limit("life_expectancy_short") else "30 d or more"
            source = evidence(observation, "life expectancy", shown, when)
            found.append((age, days, source))
    best = min(found, key=lambda entry: entry[:2], default=None)
    return Expectancy(best[1], best[2]) if best else None


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The newest standard neurological assessment of LM."""

    days: int
    source: Evidence


def is_scorecard(code: CodeableConcept | None) -> bool:
    """Whether a title names a standard neurological assessment of LM."""
    return names(text_of(code), "lm-scorecard")


def _is_assessed(observation: Observation) -> bool:
    """A scorecard by its name, unless it says that nothing was assessed."""
    if not is_scorecard(observation.code) or observation.data_absent_reason:
        return False
    return not names(observation.value_string or "", "not-assessed")


def read_scorecard(observations: Iterable[Observation], today: date) -> Scorecard | None:
    """The newest NANO, RANO-LM, LANO or LM scorecard that was filled in; None = none on record."""
    found = []
    for observation in observations:
        when = observed(observation)
        days = days_ago(when, today)
        if _is_assessed(observation) and observation.status in FINAL and days is not None:
            found.append(Scorecard(days, evidence(observation, "LM scorecard", None, when)))
    return min(found, key=lambda card: card.days, default=None)


def _is_hospice(resource: Condition | ServiceRequest | Procedure) -> bool:
    """Hospice or comfort care by code or text that is not declined or merely discussed."""
    text = text_of(resource.code)
    if names(text, "hospice-not"):
        return False
    if in_set("hospice", resource.code):
        return True
    return not in_set("not-hospice", resource.code) and says(text, "hospice", CONDITION_CUES)


def _is_ordered(request: ServiceRequest) -> bool:
    """An active request that is more than a proposal: a proposal must not silence a red flag."""
    return (
        request.status == "active" and request.intent != "proposal" and not request.do_not_perform
    )


def read_hospice(
    conditions: Iterable[Condition],
    requests: Iterable[ServiceRequest],
    procedures: Iterable[Procedure],
) -> Evidence | None:
    """Evidence of hospice or comfort care; palliative care alone is none."""
    standing: list[Condition | ServiceRequest | Procedure] = [
        c for c in conditions if is_present(c)
    ]
    standing += [r for r in requests if _is_ordered(r)]
    standing += [p for p in procedures if p.status == "in-progress"]
    found = next((resource for resource in standing if _is_hospice(resource)), None)
    return evidence(found, "hospice or comfort care") if found else None
