"""Performance status and hospice care (data elements, section 3.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from hooks.answer import Evidence
from hooks.fhir import Condition, Observation, Procedure, ServiceRequest
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

_RANGES = {"kps": range(101), "ecog": range(6)}
_LABELS = {"kps": "Karnofsky performance status", "ecog": "ECOG performance status"}


@dataclass(frozen=True, slots=True)
class Score:
    """A current performance score."""

    value: int
    days: int
    source: Evidence


def _value(scale: str, observation: Observation) -> int | None:
    """The score: integer, quantity, LOINC answer code, or the first number of a string."""
    quantity = observation.value_quantity
    numbers = [observation.value_integer, shifted(quantity) if quantity else None]
    concepts = (observation.value_codeable_concept, *(observation.interpretation or ()))
    codes = answer_codes(scale)
    numbers += [codes.get(c.code or "") for concept in concepts for c in codings(concept)]
    match = term("number").search(observation.value_string or "")
    numbers.append(float(match.group()) if match else None)
    known = next((number for number in numbers if number is not None), None)
    return int(known) if known is not None and int(known) in _RANGES[scale] else None


def _is_scale(scale: str, observation: Observation) -> bool:
    return in_set(scale, observation.code) or names(text_of(observation.code), scale)


def read_score(scale: str, observations: Iterable[Observation], today: date) -> Score | None:
    """The newest current score of `kps` or `ecog`; on one day the worse one."""
    scores = []
    for observation in observations:
        if observation.status not in FINAL or not _is_scale(scale, observation):
            continue
        when = observed(observation)
        days, value = days_ago(when, today), _value(scale, observation)
        if days is not None and value is not None and within(days, window("performance_days")):
            source = evidence(observation, _LABELS[scale], str(value), when)
            scores.append(Score(value, days, source))
    worse = 1 if scale == "kps" else -1
    return min(scores, key=lambda score: (score.days, worse * score.value), default=None)


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
        return number * factor if number is not None and factor else None
    text = joined((observation.value_string, text_of(observation.value_codeable_concept)))
    short = names(normalised(text), "life-expectancy-short")
    return limit("life_expectancy_in_words") if short else None


def read_life_expectancy(observations: Iterable[Observation], today: date) -> Expectancy | None:
    """The newest current life expectancy; on one day the shorter one."""
    found = []
    for observation in observations:
        named = names(text_of(observation.code), "life-expectancy-named")
        when = observed(observation)
        age, days = days_ago(when, today), _expected_days(observation)
        current = observation.status in FINAL and within(age, window("performance_days"))
        if named and current and days is not None and age is not None:
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


def read_scorecard(observations: Iterable[Observation], today: date) -> Scorecard | None:
    """The newest NANO, RANO-LM, LANO or LM scorecard; None = none on record."""
    found = []
    for observation in observations:
        when = observed(observation)
        days = days_ago(when, today)
        named = names(text_of(observation.code), "lm-scorecard")
        if named and observation.status in FINAL and days is not None:
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
