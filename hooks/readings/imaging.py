"""MRI of brain and spine: region, contrast, leptomeningeal pattern, masses (data elements, 3.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

import msgspec

from hooks.answer import Evidence
from hooks.fhir import CodeableConcept, DiagnosticReport
from hooks.readings.concepts import FINAL, evidence, reported, text_of
from hooks.readings.dates import Moment, days_ago
from hooks.readings.reports import UNREAD, read_report
from hooks.readings.sections import read_both_ways, result_part
from hooks.readings.text import (
    is_negated,
    is_present_elsewhere,
    joined,
    passed_over,
    says,
    statements,
    unnegated,
)
from hooks.values.codes import best_match, in_set
from hooks.values.lexicon import names, remembering_short, term
from hooks.values.parameters import window


class Pattern(StrEnum):
    """Leptomeningeal pattern of one study, the most telling first."""

    BOTH = "both"
    NODULAR = "nodular"
    LINEAR = "linear"
    EQUIVOCAL = "equivocal"
    NORMAL = "normal"
    NOT_STATED = "not stated"


TYPICAL = frozenset({Pattern.BOTH, Pattern.NODULAR, Pattern.LINEAR})


class Mass(StrEnum):
    """What makes lumbar puncture unsafe on a brain MRI."""

    EFFECT = "mass effect"
    POSTERIOR_FOSSA = "posterior fossa mass"
    OBSTRUCTIVE_HYDROCEPHALUS = "obstructive hydrocephalus"


_MASS_TERMS = {
    Mass.EFFECT: "mri-mass-effect",
    Mass.POSTERIOR_FOSSA: "mri-posterior-fossa-mass",
    Mass.OBSTRUCTIVE_HYDROCEPHALUS: "obstructive-hydrocephalus",
}


@dataclass(frozen=True, slots=True)
class Study:
    """All reports of one region on one day. `contrast` None = not stated.

    `extent` names the parts of the spine (`whole`, `cervical`, `thoracic`, `lumbar`). `unread`: an
    attachment could not be read, and what could be read does not state the pattern.
    """

    days: int
    day: date
    contrast: bool | None
    pattern: Pattern
    masses: frozenset[Mass]
    leukoencephalopathy: bool
    no_shunt: bool
    extent: frozenset[str]
    source: Evidence
    unread: bool = False


def _stated(clause: str, name: str) -> tuple[bool, bool]:
    """Whether a term stands in a clause un-negated, and whether it stands there negated."""
    verdicts = {
        is_negated(clause, match, "report-negated", "report-negated-after")
        for match in term(name).finditer(clause)
    }
    return False in verdicts, True in verdicts


def _clause_pattern(clause: str) -> Pattern | None:
    normal = Pattern.NORMAL if unnegated(clause, "mri-normal") else None
    leptomeninges = names(clause, "mri-site")
    site_name = "mri-site" if leptomeninges else "mri-other-site"
    outside = unnegated(clause, "mri-outside-the-meninges") or names(clause, "mri-dural-only")
    if not names(clause, site_name) or (outside and not leptomeninges):
        return normal
    site, site_negated = _stated(clause, site_name)
    finding_name = "mri-finding" if leptomeninges else "mri-strong-finding"
    finding, finding_negated = _stated(clause, finding_name)
    if site and finding:
        return _positive_pattern(clause)
    named = leptomeninges or finding_negated
    explicit = (site_negated and not site and named) or (finding_negated and not finding)
    return Pattern.NORMAL if explicit and not names(clause, "weak-negation") else normal


def _positive_pattern(clause: str) -> Pattern:
    if any(names(clause, name) for name in ("mri-hedged", "hedged", "not-excluded")):
        return Pattern.EQUIVOCAL
    nodular = bool(unnegated(clause, "mri-nodular"))
    linear = bool(unnegated(clause, "mri-linear"))
    if nodular:
        return Pattern.BOTH if linear else Pattern.NODULAR
    return Pattern.LINEAR


def united(patterns: Iterable[Pattern]) -> Pattern:
    """Patterns of several clauses or reports: linear and nodular are both, else the first."""
    found = set(patterns)
    if {Pattern.LINEAR, Pattern.NODULAR} <= found:
        return Pattern.BOTH
    return next((pattern for pattern in Pattern if pattern in found), Pattern.NOT_STATED)


@remembering_short
def pattern(conclusion: str) -> Pattern:
    """The leptomeningeal pattern that a report states."""
    return read_both_ways(result_part(conclusion), _pattern, Pattern.NOT_STATED)


_SITES = ("mri-site", "mri-other-site")


def _pattern(text: str) -> Pattern:
    read = (_clause_pattern(c) for c in statements(text) if not _tells_the_past(c))
    found = united(found for found in read if found)
    if found is not Pattern.NORMAL:
        return found
    sites = any(names(part, name) for part in passed_over(text) for name in _SITES)
    return Pattern.NOT_STATED if sites or is_present_elsewhere(text) else found


def _tells_the_past(clause: str) -> bool:
    """History or indication, or a history word before the site, with no word on how it is now."""
    if names(clause, "mri-history"):
        return True
    starts = [m.start() for name in _SITES if (m := term(name).search(clause))]
    before = bool(starts) and term("mri-history-before-the-term").search(clause, 0, min(starts))
    return bool(before) and not names(clause, "mri-course")


@remembering_short
def masses(conclusion: str) -> frozenset[Mass]:
    """The un-negated masses a conclusion names; stable, old and resected ones count."""
    return frozenset(mass for mass, name in _MASS_TERMS.items() if says(conclusion, name))


_REGIONS = {
    "mri-brain-contrast-true": "brain",
    "mri-brain-contrast-unknown": "brain",
    "mri-brain-contrast-false": "brain",
    "mri-spine-whole-contrast-true": "spine",
    "mri-spine-whole-contrast-false": "spine",
    "mri-spine-part-contrast-true": "spine",
    "mri-spine-part-or-unknown-extent-contrast-unknown": "spine",
}
_CONTRAST_BY_CODE = {
    "mri-brain-contrast-true": True,
    "mri-brain-contrast-false": False,
    "mri-spine-whole-contrast-true": True,
    "mri-spine-whole-contrast-false": False,
    "mri-spine-part-contrast-true": True,
}
_PARTS = ("cervical", "thoracic", "lumbar")
_THREE_PARTS = frozenset(_PARTS)
_WHOLE = frozenset({"whole"})


def _regions(code: CodeableConcept | None) -> frozenset[str]:
    """Brain, spine or both; by LOINC, else by the title of the report."""
    title = text_of(code)
    if in_set("csf-flow-study", code) or names(title, "csf-flow-study"):
        return frozenset()
    coded = best_match(_REGIONS, code)
    if coded:
        return frozenset({_REGIONS[coded]})
    named = {r for r in ("brain", "spine") if names(title, f"mri-{r}-region")}
    neuraxis = names(title, "order-mri-neuraxis") and names(title, "mri-any")
    return frozenset(named | ({"brain", "spine"} if neuraxis else set()))


def _contrast(code: CodeableConcept | None, report: str) -> bool | None:
    """Whether contrast was given; not what another study had, or the next one should have."""
    coded = _CONTRAST_BY_CODE.get(best_match(_REGIONS, code) or "")
    if coded is not None:
        return coded
    this_study = term("mri-another-study").sub(" ", result_part(report, technique=True))
    text = joined((text_of(code), this_study))
    if names(text, "mri-contrast-true"):
        return True
    return False if names(text, "mri-contrast-false") else None


def _extent(code: CodeableConcept | None) -> frozenset[str]:
    """The parts of the spine that a study covers; `whole` for all of it."""
    coded = best_match(_REGIONS, code) or ""
    title = text_of(code)
    if "whole" in coded or (not coded and names(title, "mri-spine-whole-spine")):
        return _WHOLE
    named = (f"mri-spine-region-{part}" for part in _PARTS)
    return frozenset(
        part
        for part, name in zip(_PARTS, named, strict=True)
        if in_set(name, code) or names(title, name)
    )


def _denies_shunt(text: str) -> bool:
    """Says that there is no shunt, and nowhere that there is one."""
    return names(text, "shunt-none") and not says(text, "shunt-present")


def _study(report: DiagnosticReport, region: str, when: Moment, days: int) -> Study:
    told = read_report(report)
    text, found = told.text, pattern(told.text)
    unread = told.unreadable and found is Pattern.NOT_STATED
    how = "code" if found is Pattern.NOT_STATED else "text"
    extent = _extent(report.code) if region == "spine" else frozenset[str]()
    return Study(
        days=days,
        day=when.day,
        contrast=_contrast(report.code, text),
        pattern=found,
        masses=masses(text) if region == "brain" else frozenset(),
        leukoencephalopathy=region == "brain" and says(text, "leukoencephalopathy"),
        no_shunt=region == "brain" and _denies_shunt(text),
        extent=extent,
        source=evidence(report, f"MRI {region}", _value(found, unread), when, how),
        unread=unread,
    )


def _value(found: Pattern, unread: bool) -> str:
    return UNREAD if unread else f"leptomeningeal pattern {found.value}"


def _union(studies: list[Study]) -> Study:
    """Several reports as one study: patterns united, any mass, any stated contrast."""
    newest = min(studies, key=lambda study: study.days)
    stated = [study.contrast for study in studies if study.contrast is not None]
    found = united(study.pattern for study in studies)
    told = next((study for study in studies if study.pattern is found), newest)
    unread = any(study.unread for study in studies) and found not in TYPICAL
    return replace(
        newest,
        contrast=any(stated) if stated else None,
        pattern=found,
        masses=frozenset().union(*(study.masses for study in studies)),
        leukoencephalopathy=any(study.leukoencephalopathy for study in studies),
        no_shunt=any(study.no_shunt for study in studies),
        extent=frozenset().union(*(study.extent for study in studies)),
        source=msgspec.structs.replace(told.source, value=_value(found, unread)),
        unread=unread,
    )


def _partial_contrast_unknown(study: Study) -> Study:
    """Contrast of a spine study counts for the whole spine only."""
    return study if study.extent >= _WHOLE else replace(study, contrast=None)


def _by_day(studies: list[Study], region: str) -> list[Study]:
    groups: dict[date, list[Study]] = {}
    for study in studies:
        groups.setdefault(study.day, []).append(study)
    whole = _partial_contrast_unknown if region == "spine" else lambda study: study
    return [_union([whole(study) for study in group]) for group in groups.values()]


def _whole_spine_of_parts(studies: list[Study]) -> list[Study]:
    """Cervical, thoracic and lumbar studies with contrast close together: one whole spine."""
    parts = [s for s in studies if s.contrast and s.extent and not s.extent >= _WHOLE]
    found = []
    for last in parts:
        near = [p for p in parts if 0 <= p.days - last.days <= window("regional_spine_days")]
        if frozenset().union(*(part.extent for part in near)) >= _THREE_PARTS:
            found.append(replace(_union(near), extent=_WHOLE))
    return found


def read_studies(
    reports: Iterable[DiagnosticReport], region: str, today: date
) -> tuple[Study, ...]:
    """All counting MRI studies of a region (`brain` or `spine`), newest first."""
    studies = []
    for report in reports:
        when = reported(report)
        days = days_ago(when, today)
        if report.status in FINAL and when and days is not None and region in _regions(report.code):
            studies.append(_study(report, region, when, days))
    composed = _whole_spine_of_parts(studies) if region == "spine" else []
    return tuple(sorted(_by_day([*studies, *composed], region), key=lambda study: study.days))


def brain_masses(studies: tuple[Study, ...]) -> tuple[frozenset[Mass], Study | None]:
    """Masses on the newest brain MRI with stated contrast or on any later one, and where.

    Without a study of stated contrast the newest one decides. A study that could not be read
    clears nothing.
    """
    readable = [study for study in studies if not study.unread] or studies
    decisive = next((s for s in readable if s.contrast), readable[0] if readable else None)
    if decisive is None:
        return frozenset(), None
    looked_at = [study for study in studies if study.days <= decisive.days]
    shown = next((study for study in looked_at if study.masses), looked_at[0])
    return frozenset().union(*(study.masses for study in looked_at)), shown
