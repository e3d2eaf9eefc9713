"""CSF cytology: which results are one, what they say, one sample per collection day (3.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias

from hooks.answer import Evidence
from hooks.fhir import (
    CodeableConcept,
    DiagnosticReport,
    Observation,
    Procedure,
    Reference,
    Specimen,
)
from hooks.readings.concepts import (
    FINAL,
    NOT_THERE_YET,
    evidence,
    observed,
    reference,
    reported,
    text_of,
)
from hooks.readings.dates import Moment, days_ago, first_moment, within
from hooks.readings.reports import report_text
from hooks.readings.sections import read_both_ways, result_part
from hooks.readings.specimens import (
    Handling,
    collected,
    handling,
    handling_in_text,
    is_csf,
    specimens_of,
)
from hooks.readings.text import (
    is_negated,
    is_present_elsewhere,
    joined,
    normalised,
    passed_over,
    statements,
    unnegated,
)
from hooks.values.codes import codings, in_set, memberships
from hooks.values.lexicon import names, remembering_short, term
from hooks.values.parameters import limit, window


class Result(StrEnum):
    """Category of a CSF cytology (EANO-ESMO 2023, table 1), worst for the patient first."""

    POSITIVE = "positive"
    EQUIVOCAL = "equivocal"
    NEGATIVE = "negative"
    INADEQUATE = "inadequate"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Sample:
    """One CSF sample: all results of one collection day. `days` None = undated positive."""

    result: Result
    days: int | None
    day: date | None
    handling: Handling
    source: Evidence

    @property
    def optimal(self) -> bool:
        """Enough volume, and fixed or processed in time; an inadequate sample never is."""
        known = self.handling
        enough = known.volume is not None and known.volume >= limit("csf_volume_optimal")
        quick = known.delay is not None and known.delay <= limit("csf_delay_optimal")
        return enough and (known.fixed is True or quick) and self.result is not Result.INADEQUATE


@dataclass(frozen=True, slots=True)
class Cytologies:
    """All samples, newest first, and the references of texts that could not be classified."""

    samples: tuple[Sample, ...]
    unclassifiable: tuple[str, ...] = ()

    @property
    def positive(self) -> Sample | None:
        """The newest positive sample, whatever its age."""
        return next((s for s in self.samples if s.result is Result.POSITIVE), None)

    @property
    def episode(self) -> tuple[Sample, ...]:
        """Samples with a result inside the episode window."""
        return tuple(
            sample
            for sample in self.samples
            if sample.result is not Result.PENDING
            and within(sample.days, window("csf_episode_days"))
        )

    @property
    def decisive(self) -> Sample | None:
        """The newest positive sample, else the newest with a result."""
        results = (s for s in self.samples if s.result is not Result.PENDING)
        return self.positive or next(results, None)

    @property
    def pending(self) -> Sample | None:
        """The newest sample whose result is awaited."""
        return next((s for s in self.samples if s.result is Result.PENDING), None)


def _skipped(clause: str) -> bool:
    """Clinical history, indication, or a history word before the first decisive term."""
    if names(clause, "cytology-history"):
        return True
    terms = ("cytology-malignant-term", "cytology-equivocal", "cytology-inadequate")
    starts = [m.start() for name in terms if (m := term(name).search(clause))]
    return bool(starts) and bool(
        term("cytology-history-before-the-term").search(clause, 0, min(starts))
    )


_CUES = ("cytology-negation", "cytology-negated-after")


def _equivocal(clause: str) -> bool:
    """Atypical or suspicious cells, or a malignancy that is not excluded."""
    not_excluded = names(clause, "not-excluded") and names(clause, "cytology-malignant-term")
    return not_excluded or any(
        match.group().lower().startswith(("cannot", "not "))
        or not is_negated(clause, match, *_CUES)
        for match in term("cytology-equivocal").finditer(clause)
    )


def _hedged(clause: str, first: re.Match[str]) -> bool:
    """A hedge before the first malignant term or right after it; "likely from lung" hedges none."""
    before = term("hedged").search(clause, 0, first.start())
    return bool(before) or names(clause[first.end() :], "cytology-hedged-after")


def _negative(clause: str) -> Result | None:
    """Negative, unless the clause denies less than malignancy, or may deny a stain."""
    doubtful = names(clause, "weak-negation") or names(clause, "cytology-stained")
    return None if doubtful else Result.NEGATIVE


def _clause_result(clause: str) -> Result | None:
    if _equivocal(clause):
        return Result.EQUIVOCAL
    if names(clause, "cytology-reasserted"):
        return None
    malignant = list(term("cytology-malignant-term").finditer(clause))
    if not malignant:
        benign = unnegated(clause, "cytology-negative", *_CUES)
        return Result.NEGATIVE if benign else None
    negations = {is_negated(clause, match, *_CUES) for match in malignant}
    if True in negations:
        return _negative(clause) if False not in negations else None
    if _hedged(clause, malignant[0]):
        return Result.EQUIVOCAL
    stated = names(clause, "cytology-positive") or names(clause, "cytology-bare-diagnosis")
    return Result.POSITIVE if stated else None


_ABNORMAL = ("cytology-malignant-term", "cytology-equivocal")


@remembering_short
def classify(text: str) -> Result | None:
    """The result that a cytology text states; None = unclassifiable, not counted as a sample."""
    return read_both_ways(result_part(text), _classified, None)


def _classified(text: str) -> Result | None:
    whole = normalised(text).rstrip(".").lower()
    if whole in ("negative", "neg"):
        return Result.NEGATIVE
    if whole in ("positive", "pos"):
        return Result.POSITIVE
    remembered: set[Result] = set()
    for clause in statements(text):
        if _skipped(clause):
            continue
        if names(clause, "cytology-inadequate"):
            remembered.add(Result.INADEQUATE)
        if found := _clause_result(clause):
            remembered.add(found)
    abnormal = any(names(part, name) for part in passed_over(text) for name in _ABNORMAL)
    abnormal |= any(names(clause, "cytology-reasserted") for clause in statements(text))
    if abnormal or is_present_elsewhere(text):
        remembered.discard(Result.NEGATIVE)
    order = (Result.POSITIVE, Result.EQUIVOCAL, Result.INADEQUATE, Result.NEGATIVE)
    return next((result for result in order if result in remembered), None)


_CODED: dict[str, Result] = {
    "cytology-positive": Result.POSITIVE,
    "cytology-negative": Result.NEGATIVE,
    "cytology-equivocal": Result.EQUIVOCAL,
    "cytology-inadequate": Result.INADEQUATE,
}
_TEXT_FIRST: dict[str, Result] = {
    "cytology-abnormal": Result.EQUIVOCAL,
    "cytology-normal": Result.NEGATIVE,
}


_Told: TypeAlias = tuple[Result | None, str]
"""A result, and whether a `code` or the `text` told it."""


def coded_result(concepts: Iterable[CodeableConcept | None], text: str) -> _Told:
    """The first coded result, else what the text says; abnormal and normal ask the text first."""
    for coding in (c for concept in concepts for c in codings(concept)):
        for name, result in _CODED.items():
            if name in memberships(coding):
                return result, "code"
        for name, result in _TEXT_FIRST.items():
            if name in memberships(coding):
                worded = classify(text)
                return (worded, "text") if worded else (result, "code")
    return classify(text), "text"


@dataclass(frozen=True, slots=True)
class _Carrier:
    """What a report and an Observation have in common."""

    resource: DiagnosticReport | Observation
    coded: tuple[CodeableConcept | None, ...]
    text: str
    when: Moment | None
    specimens: tuple[Specimen, ...]


def _report(report: DiagnosticReport, known: Mapping[str, Specimen]) -> _Carrier:
    when = reported(report)
    specimens = specimens_of(report.specimen or (), report.contained, known)
    return _Carrier(report, report.conclusion_code or (), report_text(report), when, specimens)


def _observation(observation: Observation, known: Mapping[str, Specimen]) -> _Carrier:
    value = observation.value_codeable_concept
    text = joined((observation.value_string, text_of(value)))
    own: tuple[Reference, ...] = (observation.specimen,) if observation.specimen else ()
    specimens = specimens_of(own, observation.contained, known)
    coded = (value, *(observation.interpretation or ()))
    return _Carrier(observation, coded, text, observed(observation), specimens)


def _punctures(procedures: Iterable[Procedure]) -> frozenset[str]:
    return frozenset(
        reference(procedure)
        for procedure in procedures
        if in_set("lumbar-puncture", procedure.code)
        or names(text_of(procedure.code), "lumbar-puncture")
    )


def _is_part_of(observation: Observation, punctures: frozenset[str]) -> bool:
    """Part of a lumbar puncture, whatever its code; a number is chemistry, not cytology."""
    if observation.value_quantity is not None:
        return False
    parts = (part.reference or "" for part in observation.part_of or ())
    return any("/".join(part.split("/_history/")[0].split("/")[-2:]) in punctures for part in parts)


def _is_csf_cytology(carrier: _Carrier, punctures: frozenset[str]) -> bool:
    code = carrier.resource.code
    title = text_of(code)
    only_flow = names(title, "cytology-not-cytology") and not names(title, "cytology-report")
    if only_flow or in_set("cytology-not-counted", code):
        return False
    kinds = [is_csf(specimen) for specimen in carrier.specimens]
    if False in kinds and True not in kinds:
        return False
    if isinstance(carrier.resource, Observation) and _is_part_of(carrier.resource, punctures):
        return True
    if is_cytology_report(code):
        return True in kinds or names(joined((title, carrier.text)), "csf-specimen")
    titled = names(title, "cytology-report") and names(title, "csf-specimen")
    return titled and isinstance(carrier.resource, DiagnosticReport)


def _result(carrier: _Carrier) -> _Told:
    """A code is a cytology result only on a cytology; other parts of a puncture need words."""
    if carrier.resource.status in NOT_THERE_YET:
        return Result.PENDING, "code"
    if isinstance(carrier.resource, DiagnosticReport) or _is_cytology_code(carrier.resource):
        return coded_result(carrier.coded, carrier.text)
    return classify(carrier.text), "text"


def _is_cytology_code(observation: Observation) -> bool:
    names_it = names(text_of(observation.code), "cytology-report")
    own_sets = ("cytology-report", "cytology-report-only-part-of-puncture")
    return names_it or any(in_set(name, observation.code) for name in own_sets)


def _sample(carrier: _Carrier, result: Result, how: str, today: date) -> Sample | None:
    when = first_moment(*map(collected, carrier.specimens), carrier.when)
    days = days_ago(when, today)
    in_future = when is not None and days is None
    undated = when is None and result is not Result.POSITIVE
    stale = result is Result.PENDING and not within(days, window("pending_days"))
    if in_future or undated or stale:
        return None
    known = handling_in_text(carrier.text)
    for specimen in carrier.specimens:
        known = handling(specimen).or_else(known)
    source = evidence(carrier.resource, "CSF cytology", result.value, when, how)
    return Sample(result, days, when.day if when else None, known, source)


def _merged(same_day: list[Sample]) -> Sample:
    order = list(Result)
    decisive = min(same_day, key=lambda sample: order.index(sample.result))
    known = Handling()
    for sample in same_day:
        known = known.or_else(sample.handling)
    if decisive.result is Result.INADEQUATE:
        known = Handling(None, known.delay, known.fixed)
    return Sample(decisive.result, decisive.days, decisive.day, known, decisive.source)


def _by_day(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    groups: dict[date | None, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.day, []).append(sample)
    merged = (_merged(group) for group in groups.values())
    return tuple(sorted(merged, key=lambda s: float("inf") if s.days is None else s.days))


def _counts(resource: DiagnosticReport | Observation) -> bool:
    return resource.status in FINAL or resource.status in NOT_THERE_YET


def may_be_cytology(resource: DiagnosticReport | Observation) -> bool:
    """Whether a report or Observation can be a cytology at all, so that its specimen matters."""
    if is_cytology_report(resource.code):
        return True
    if isinstance(resource, Observation):
        return bool(resource.part_of)
    return names(text_of(resource.code), "cytology-report")


def is_cytology_report(code: CodeableConcept | None) -> bool:
    """Whether a code is that of a cytology, of whatever specimen."""
    return in_set("cytology-report", code)


def read_cytologies(
    reports: Iterable[DiagnosticReport],
    observations: Iterable[Observation],
    procedures: Iterable[Procedure],
    specimens: Mapping[str, Specimen],
    today: date,
) -> Cytologies:
    """All CSF samples on record, newest first."""
    punctures = _punctures(procedures)
    carriers = [
        *(_report(r, specimens) for r in reports if _counts(r) and may_be_cytology(r)),
        *(_observation(o, specimens) for o in observations if _counts(o) and may_be_cytology(o)),
    ]
    samples, unclassifiable = [], []
    for carrier in carriers:
        if not _is_csf_cytology(carrier, punctures):
            continue
        result, how = _result(carrier)
        if result is None:
            unclassifiable.append(reference(carrier.resource))
        elif sample := _sample(carrier, result, how, today):
            samples.append(sample)
    return Cytologies(_by_day(samples), tuple(unclassifiable))
