"""How strongly the chart suggests leptomeningeal metastasis (specification, 3.1 and 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

from hooks.answer import Answer, Indicator, Truth
from hooks.facts.diagnosis import missing_or_unread, newest_studies
from hooks.facts.fact import fact, is_no, is_yes, no, once, unknown, yes
from hooks.facts.person import adult, hospice_care, solid_malignancy
from hooks.readings.chart import Chart
from hooks.readings.cytology import Result
from hooks.readings.dates import within
from hooks.readings.imaging import TYPICAL
from hooks.readings.malignancy import Kind
from hooks.readings.symptoms import Symptom
from hooks.values.parameters import FindingKind, finding_kinds, window

TIER_A = frozenset({"breast", "lung", "melanoma"})
_CHEMOTHERAPY_EXPLAINS = "nausea-vomiting"


@once
def findings(chart: Chart) -> tuple[Symptom, ...]:
    """The live findings; nausea alone after emetogenic chemotherapy is none."""
    live = chart.live_symptoms
    only_nausea = [symptom.code for symptom in live] == [_CHEMOTHERAPY_EXPLAINS]
    recent = chart.emetogenic and within(chart.emetogenic[0], window("emetogenic_days"))
    return () if only_nausea and recent else live


def _kinds(chart: Chart) -> tuple[FindingKind, ...]:
    return tuple(finding_kinds()[symptom.code] for symptom in findings(chart))


@fact
def neurological_findings(chart: Chart) -> Answer:
    """Are there current neurological symptoms or signs?"""
    found = findings(chart)
    if found:
        value = ", ".join(sorted(symptom.code for symptom in found))
        return yes(*(symptom.source for symptom in found), value=value)
    if chart.live_symptoms and chart.emetogenic:
        return no(*(s.source for s in chart.live_symptoms), chart.emetogenic[1])
    return unknown("current neurological symptoms or signs")


@fact
def typical_clinical_signs(chart: Chart) -> Answer:
    """Are the findings typical: a specific one, or findings of two anatomical groups?"""
    kinds = _kinds(chart)
    asked = neurological_findings(chart)
    groups = {kind.group for kind in kinds}
    if any(kind.specific for kind in kinds) or len(groups) > 1:
        return yes(*asked.because, value=asked.value)
    return no(*asked.because) if kinds else asked


@fact
def red_flag(chart: Chart) -> Answer:
    """Is there a red flag: cauda equina syndrome, reduced consciousness, papilloedema?"""
    flags = [s for s in findings(chart) if finding_kinds()[s.code].red_flag]
    if flags:
        return yes(*(symptom.source for symptom in flags))
    asked = neurological_findings(chart)
    return no(*asked.because) if is_yes(asked) else asked


@fact
def typical_mri(chart: Chart) -> Answer:
    """Does the newest MRI of brain or spine show a leptomeningeal pattern?"""
    studies = newest_studies(chart)
    shown = tuple(study for study in studies if study.pattern in TYPICAL)
    patterns = ", ".join(f"{study.source.label} {study.pattern.value}" for study in studies)
    if shown:
        return yes(*(study.source for study in shown), value=patterns)
    sources = tuple(study.source for study in studies)
    if missing := missing_or_unread(chart, "brain", "spine"):
        return unknown(*missing, because=sources, value=patterns or None)
    return no(*sources, value=patterns)


@fact
def equivocal_csf_cytology(chart: Chart) -> Answer:
    """Is a CSF cytology of the current episode equivocal?"""
    episode = chart.cytologies.episode
    found = tuple(s.source for s in episode if s.result is Result.EQUIVOCAL)
    value = ", ".join(sample.result.value for sample in episode)
    if found:
        return yes(*found, value=value)
    sources = tuple(sample.source for sample in episode)
    return no(*sources, value=value) if episode else unknown("a CSF cytology result")


@fact
def probable_lm(chart: Chart) -> Answer:
    """Are both the clinical signs and the MRI typical?"""
    parts = (typical_clinical_signs(chart), typical_mri(chart))
    sources = tuple(e for part in parts for e in part.because)
    if all(is_yes(part) for part in parts):
        return yes(*sources)
    if any(is_no(part) for part in parts):
        return no(*sources)
    return unknown(*(missing for part in parts for missing in part.missing))


@fact
def tier_a_cancer(chart: Chart) -> Answer:
    """Is a breast, lung or melanoma primary on record?"""
    solid = chart.malignancies.of(Kind.SOLID)
    found = tuple(entry.source for entry in solid if entry.site in TIER_A)
    if found:
        return yes(*found)
    return no(*(entry.source for entry in solid)) if solid else solid_malignancy(chart)


@fact
def metastatic_cancer(chart: Chart) -> Answer:
    """Is a solid malignancy recorded as metastatic?"""
    solid = chart.malignancies.of(Kind.SOLID)
    if solid and chart.malignancies.metastatic:
        return yes(*(entry.source for entry in solid))
    return unknown("an entry of metastases")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Level of suspicion (None = none) and the answers that it rests on."""

    level: Indicator | None
    answers: tuple[Answer, ...]


def gate(chart: Chart) -> Answer | None:
    """The answer that keeps a chart out of scope: age, malignancy or hospice; None = in scope."""
    for required in (adult(chart), solid_malignancy(chart)):
        if not is_yes(required):
            return required
    hospice = hospice_care(chart)
    return hospice if is_yes(hospice) else None


def _level_of_findings(chart: Chart) -> Indicator | None:
    kinds = _kinds(chart)
    specific = sum(kind.specific for kind in kinds)
    other = len(kinds) - specific
    if is_yes(tier_a_cancer(chart)):
        if specific or other > 1:
            return Indicator.WARNING
        return Indicator.INFO if other else None
    groups = len({kind.group for kind in kinds})
    if groups > 1 or (specific and is_yes(metastatic_cancer(chart))):
        return Indicator.WARNING
    return Indicator.INFO if specific or other > 1 else None


@once
def suspicion(chart: Chart) -> Suspicion:
    """The level of suspicion of a chart that no gate bars (specification, 3.2)."""
    imaging = (typical_mri(chart), equivocal_csf_cytology(chart))
    cancer = (tier_a_cancer(chart), metastatic_cancer(chart))
    shown = any(is_yes(answer) for answer in imaging)
    level = _level_of_findings(chart)
    if shown:
        level = Indicator.WARNING
    if is_yes(red_flag(chart)) and (shown or any(is_yes(answer) for answer in cancer)):
        level = Indicator.CRITICAL
    asked = neurological_findings(chart)
    spread = () if is_yes(cancer[0]) else cancer[1:]
    answers = (solid_malignancy(chart), cancer[0], *spread, asked, red_flag(chart), *imaging)
    kept = answers if level else tuple(a for a in answers if a.truth is not Truth.YES)
    return Suspicion(level, kept)
