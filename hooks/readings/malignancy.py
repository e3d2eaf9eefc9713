"""Malignancies on record, and entries of leptomeningeal metastasis (data elements, 3.1 and 3.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from hooks.answer import Evidence
from hooks.fhir import CodeableConcept, Coding, Condition
from hooks.readings.concepts import (
    CONDITION_CUES,
    Verification,
    codes_of,
    evidence,
    has_ended,
    onset_or_recorded,
    text_of,
    verification,
)
from hooks.readings.dates import Moment, days_ago, moment
from hooks.readings.text import clauses, joined, says, unnegated
from hooks.values.codes import all_matches, codings, in_set, memberships, remembering_codes
from hooks.values.lexicon import names, remembering_short, term


class Kind(StrEnum):
    """Class of a malignancy."""

    SOLID = "solid"
    HAEMATOLOGICAL = "haematological"
    CNS = "primary CNS"


@dataclass(frozen=True, slots=True)
class Malignancy:
    """One malignancy on record; `site` is breast, lung, melanoma, other or unknown."""

    kind: Kind
    site: str
    began: Moment | None
    source: Evidence
    small_cell: bool = False


@dataclass(frozen=True, slots=True)
class Malignancies:
    """All malignancies of the patient; `metastatic` applies to every solid one."""

    entries: tuple[Malignancy, ...]
    metastatic: bool

    def of(self, kind: Kind) -> tuple[Malignancy, ...]:
        """The malignancies of one class."""
        return tuple(entry for entry in self.entries if entry.kind is kind)


_SITES = ("cancer-site-breast", "cancer-site-lung", "cancer-site-melanoma", "cancer-site-other")
_CLASSES = {"cancer-class-heme": Kind.HAEMATOLOGICAL, "cancer-class-cns": Kind.CNS}
_CODED = (*_SITES, *_CLASSES, "cancer-not-a-cancer")
_TEXT_ORDER = ("cancer-class-cns", "cancer-class-heme", *_SITES)
_LABELS = {
    "cancer-site-breast": "breast cancer",
    "cancer-site-lung": "lung cancer",
    "cancer-site-melanoma": "melanoma",
    "cancer-site-other": "solid cancer",
    "cancer-class-heme": "haematological malignancy",
    "cancer-class-cns": "primary CNS tumour",
}


@remembering_short
def site_from_text(text: str) -> str | None:
    """The class or site that a Condition text names un-negated, as a term name; else None."""
    parts = [clause for clause in clauses(text) if not names(clause, "cancer-in-situ")]
    for name in _TEXT_ORDER:
        if any(unnegated(part, name, "cancer-not-a-cancer", "cancer-excluded") for part in parts):
            return name
    return None


def _names_only_metastases(text: str) -> bool:
    if site_from_text(text) != "cancer-site-other":
        return False
    return all(
        _is_metastasis(clause, match)
        for clause in clauses(text)
        for match in term("cancer-site-other").finditer(clause)
    )


def _is_metastasis(clause: str, match: re.Match[str]) -> bool:
    """Whether a cancer term names a metastasis, by itself or as a part of "secondary …"."""
    within = term("cancer-secondary").finditer(clause)
    return "metast" in match.group().lower() or any(
        name.start() <= match.start() and match.end() <= name.end() for name in within
    )


@remembering_codes
def _coded(code: CodeableConcept | None) -> str | None:
    """The value set of a coded malignancy; a primary site is preferred to a secondary one."""
    found = all_matches(_CODED, code)
    return next((name for name in _CODED if name in found), None)


def _is_secondary(coding: Coding) -> bool | None:
    """Whether a coding is a secondary (True) or a primary (False); None when it is neither."""
    found = memberships(coding)
    best = max((name for name in _CODED if name in found), key=lambda n: found[n], default=None)
    if "cancer-metastatic" in found and best in (None, "cancer-site-other"):
        return True
    return None if best in (None, "cancer-not-a-cancer") else False


@remembering_codes
def _is_secondary_only(code: CodeableConcept | None) -> bool:
    """Whether a code names only a secondary, by all its cancer codes or by text."""
    kinds = {_is_secondary(coding) for coding in codings(code)} - {None}
    if kinds:
        return kinds == {True}
    return _coded(code) is None and _names_only_metastases(text_of(code))


def _is_coded_primary(condition: Condition) -> bool:
    """A coded primary stays a cancer even where its text also names LM."""
    return any(_is_secondary(coding) is False for coding in codings(condition.code))


def names_metastasis(condition: Condition) -> bool:
    """Whether a code, the text or the stage summary says metastatic."""
    if in_set("cancer-metastatic", condition.code):
        return True
    stages = (text_of(stage.summary) for stage in condition.stage or ())
    text = joined((text_of(condition.code), *stages))
    return names(text, "cancer-metastatic") and not names(text, "cancer-metastatic-false")


def _read(condition: Condition) -> Malignancy | None:
    coded = _coded(condition.code)
    name = coded or site_from_text(text_of(condition.code))
    if name is None or name == "cancer-not-a-cancer":
        return None
    began = onset_or_recorded(condition)
    source = evidence(condition, _LABELS[name], None, began, "code" if coded else "text")
    kind = _CLASSES.get(name, Kind.SOLID)
    site = name.rsplit("-", 1)[-1] if kind is Kind.SOLID else "none"
    return Malignancy(kind, site, began, source, _is_small_cell(condition))


def _is_small_cell(condition: Condition) -> bool:
    """Small cell by code or text, also beside a code that cannot tell (ICD-10-CM C34)."""
    coded = in_set("cancer-small-cell", condition.code)
    return coded or says(text_of(condition.code), "cancer-small-cell", "cancer-not-a-cancer")


def unknown_site(source: Evidence) -> Malignancies:
    """One solid tumour of unknown site, metastatic: what a secondary or LM alone stands for."""
    return Malignancies((Malignancy(Kind.SOLID, "unknown", None, source),), metastatic=True)


def read_malignancies(conditions: Iterable[Condition]) -> Malignancies:
    """All malignancies, past ones included; doubtful, refuted and mere LM entries are none."""
    counting = [
        condition
        for condition in conditions
        if verification(condition) is Verification.CONFIRMED
        and (not is_lm_entry(condition) or _is_coded_primary(condition))
    ]
    secondaries = [condition for condition in counting if _is_secondary_only(condition.code)]
    primaries = [condition for condition in counting if condition not in secondaries]
    pairs = [(condition, entry) for condition in primaries if (entry := _read(condition))]
    entries = tuple(entry for _, entry in pairs)
    if not entries and secondaries:
        first = secondaries[0]
        return unknown_site(evidence(first, "metastasis", None, onset_or_recorded(first)))
    spread = bool(secondaries) or any(names_metastasis(condition) for condition, _ in pairs)
    return Malignancies(entries, spread)


def earliest(malignancies: Malignancies) -> date | None:
    """The day of the earliest dated malignancy."""
    return min((entry.began.day for entry in malignancies.entries if entry.began), default=None)


class Diagnosis(StrEnum):
    """What the problem list says about leptomeningeal metastasis."""

    CONFIRMED = "confirmed"
    PROBABLE = "probable"
    SUSPECTED = "suspected"
    REFUTED = "refuted"


@dataclass(frozen=True, slots=True)
class LmEntry:
    """One entry of leptomeningeal metastasis; `days` ago for comparing suspected and refuted."""

    diagnosis: Diagnosis
    days: int | None
    day: date | None
    source: Evidence


def _cue_is_doubt(clause: str, start: int) -> bool:
    """Whether every negation cue before a term is a word of suspicion ("rule out …")."""
    cues = [match.group() for match in term(CONDITION_CUES).finditer(clause, 0, start)]
    return all(term("lm-suspected").fullmatch(cue) for cue in cues)


def _lm_text(text: str) -> bool:
    return any(
        _cue_is_doubt(clause, match.start())
        and not term("report-negated-after").search(clause[match.end() :])
        for clause in clauses(text)
        for match in term("lm-diagnosis").finditer(clause)
    )


def is_lm_entry(condition: Condition) -> bool:
    """Whether a Condition names leptomeningeal metastasis, by code or un-negated text."""
    return _names_lm(condition.code)


@remembering_codes
def _names_lm(code: CodeableConcept | None) -> bool:
    if in_set("lm-diagnosis", code):
        return True
    return not in_set("lm-not", code) and _lm_text(text_of(code))


def _diagnosis(condition: Condition) -> Diagnosis:
    sure = verification(condition)
    text = text_of(condition.code)
    if sure is Verification.REFUTED:
        return Diagnosis.REFUTED
    if names(text, "lm-probable"):
        return Diagnosis.PROBABLE
    doubtful = sure is Verification.DOUBTFUL or names(text, "lm-suspected")
    return Diagnosis.SUSPECTED if doubtful else Diagnosis.CONFIRMED


def _still_counts(condition: Condition) -> bool:
    """Inactive and resolved entries do not count; remission does."""
    inactive_alone = has_ended(condition) and "remission" not in codes_of(condition.clinical_status)
    return not inactive_alone or verification(condition) is Verification.REFUTED


def _lm_entry(condition: Condition, today: date) -> LmEntry:
    diagnosis = _diagnosis(condition)
    recorded = moment(condition.recorded_date)
    if diagnosis is Diagnosis.REFUTED:
        when = moment(condition.abatement_date_time) or recorded
    else:
        when = recorded or moment(condition.onset_date_time)
    label = f"leptomeningeal metastasis, {diagnosis.value}"
    day = when.day if when else None
    return LmEntry(diagnosis, days_ago(when, today), day, evidence(condition, label, None, when))


def read_lm_entries(conditions: Iterable[Condition], today: date) -> tuple[LmEntry, ...]:
    """All counting entries of leptomeningeal metastasis."""
    return tuple(
        _lm_entry(condition, today)
        for condition in conditions
        if is_lm_entry(condition)
        and verification(condition) is not Verification.IGNORED
        and _still_counts(condition)
    )


def decisive_lm_entry(entries: Iterable[LmEntry]) -> LmEntry | None:
    """Confirmed before probable before the newer of suspected and refuted (same day: suspected)."""
    order = {
        Diagnosis.CONFIRMED: 0,
        Diagnosis.PROBABLE: 1,
        Diagnosis.SUSPECTED: 2,
        Diagnosis.REFUTED: 2,
    }

    def rank(entry: LmEntry) -> tuple[int, float, bool]:
        age = float("inf") if entry.days is None else entry.days
        level = order[entry.diagnosis]
        return (level, age if level == 2 else 0, entry.diagnosis is Diagnosis.REFUTED)

    return min(entries, key=rank, default=None)
