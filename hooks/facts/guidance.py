"""Established LM: imaging, performance, markers, lesions, treatment, follow-up (3.4, step P1)."""

from __future__ import annotations

from msgspec.structs import replace

from hooks.answer import Answer, Evidence
from hooks.facts.fact import fact, is_yes, no, unknown, yes
from hooks.facts.person import solid_malignancy
from hooks.facts.suspicion import findings
from hooks.readings.chart import Chart
from hooks.readings.csf_space import Flow
from hooks.readings.dates import within
from hooks.readings.imaging import TYPICAL, Mass, Pattern, Study
from hooks.readings.malignancy import Kind
from hooks.values.parameters import limit, window


@fact
def on_lm_treatment(chart: Chart) -> Answer:
    """Is the patient on treatment of leptomeningeal metastasis?"""
    found = chart.lm_treatment
    if found:
        return yes(*found, value=", ".join(sorted({source.value or "" for source in found})))
    return unknown("an active order of LM treatment")


def mri_limit_days(chart: Chart) -> float:
    """How old an MRI of the neuraxis may be, in days: longer on treatment."""
    on_treatment = is_yes(on_lm_treatment(chart))
    return window("neuraxis_mri_on_treatment_days" if on_treatment else "neuraxis_mri_days")


_CONTRAST = {True: "with contrast", False: "without contrast", None: "contrast not stated"}


def _current(studies: tuple[Study, ...], part: str, chart: Chart) -> Answer:
    """Whether some study of a part has stated contrast and is current."""
    if not studies:
        return unknown(f"MRI {part}")
    limit_days = mri_limit_days(chart)
    for study in studies:
        if study.contrast and within(study.days, limit_days):
            return yes(study.source, value=_CONTRAST[True])
    newest = studies[0]
    age = "" if within(newest.days, limit_days) else ", too old"
    return no(newest.source, value=_CONTRAST[newest.contrast] + age)


@fact
def contrast_mri_brain_current(chart: Chart) -> Answer:
    """Is there a current MRI of the brain with stated contrast?"""
    return _current(chart.brain, "brain", chart)


@fact
def contrast_mri_spine_current(chart: Chart) -> Answer:
    """Is there a current MRI of the whole spine with stated contrast?"""
    return _current(chart.spine, "whole spine", chart)


_WITHOUT_PATTERN = frozenset({Pattern.NORMAL, Pattern.EQUIVOCAL})
_REGIONS = ("MRI brain", "MRI spine")


@fact
def mri_without_pattern(chart: Chart) -> Answer:
    """Are the newest MRI of brain and of spine both explicitly normal or equivocal?"""
    studies = (*chart.brain[:1], *chart.spine[:1])
    sources = tuple(study.source for study in studies)
    told = ", ".join(f"{study.source.label} {study.pattern.value}" for study in studies)
    plain = [study for study in studies if study.pattern in _WITHOUT_PATTERN]
    if len(plain) == len(_REGIONS):
        return yes(*sources, value=told)
    if any(study.pattern in TYPICAL for study in studies):
        return no(*sources, value=told)
    return unknown(*_unclear(chart), because=sources, value=told or None)


def _unclear(chart: Chart) -> tuple[str, ...]:
    """The regions without a study, or whose newest study states no pattern."""
    return tuple(
        name if not studies else f"statement on the leptomeninges in {name}"
        for name, studies in zip(_REGIONS, (chart.brain, chart.spine), strict=True)
        if not studies or studies[0].pattern is Pattern.NOT_STATED
    )


@fact
def hydrocephalus_on_record(chart: Chart) -> Answer:
    """Is hydrocephalus on record, as a problem or as obstructive on the brain MRI?"""
    found, (masses, study) = chart.hydrocephalus, chart.masses
    if found:
        return yes(found.source)
    if study and Mass.OBSTRUCTIVE_HYDROCEPHALUS in masses:
        return yes(replace(study.source, value=Mass.OBSTRUCTIVE_HYDROCEPHALUS.value))
    return unknown("an entry of hydrocephalus")


@fact
def csf_flow_obstructed(chart: Chart) -> Answer:
    """Does the newest CSF flow study show an obstruction?"""
    study = chart.flow
    if study is None:
        return unknown("a CSF flow study")
    if study.flow is Flow.OBSTRUCTED:
        return yes(study.source, value=study.flow.value)
    if study.flow is Flow.INCONCLUSIVE or study.outdated:
        return unknown("a conclusive CSF flow study", because=(study.source,), value="inconclusive")
    return no(study.source, value=study.flow.value)


@fact
def poor_status_or_prognosis(chart: Chart) -> Answer:
    """Is the performance status poor, or the documented life expectancy short?"""
    status, expected = _performance_status(chart), chart.life_expectancy
    if expected is None or expected.days >= limit("life_expectancy_short"):
        return status
    poor = is_yes(status)
    sources = (expected.source, *(status.because if poor else ()))
    short = "expected survival below 1 month"
    return yes(*sources, value=f"{status.value} and {short}" if poor else short)


def _performance_status(chart: Chart) -> Answer:
    """KPS decides; without it ECOG."""
    kps, ecog = chart.score("kps"), chart.score("ecog")
    if kps:
        answer = yes if kps.value < limit("kps_poor") else no
        return answer(kps.source, value=f"KPS {kps.value}")
    if ecog is None:
        return unknown("a current KPS or ECOG")
    return _by_ecog(ecog.value, ecog.source)


def _by_ecog(value: int, source: Evidence) -> Answer:
    """ECOG 2 lies on both sides of KPS 70 and decides nothing."""
    shown = f"ECOG {value}"
    if value >= limit("ecog_poor"):
        return yes(source, value=shown)
    if value <= limit("ecog_good"):
        return no(source, value=shown)
    return unknown("a current KPS", because=(source,), value=shown)


def _tumour(chart: Chart, site: str) -> Answer:
    solid = chart.malignancies.of(Kind.SOLID)
    found = tuple(entry.source for entry in solid if entry.site == site)
    if found:
        return yes(*found)
    return no(*(entry.source for entry in solid)) if solid else solid_malignancy(chart)


@fact
def breast_cancer(chart: Chart) -> Answer:
    """Is breast cancer on record?"""
    return _tumour(chart, "breast")


@fact
def melanoma(chart: Chart) -> Answer:
    """Is melanoma on record?"""
    return _tumour(chart, "melanoma")


@fact
def non_small_cell_lung_cancer(chart: Chart) -> Answer:
    """Is lung cancer on record that is not stated to be small-cell?"""
    lung = [entry for entry in chart.malignancies.of(Kind.SOLID) if entry.site == "lung"]
    other = tuple(entry.source for entry in lung if not entry.small_cell)
    if lung and not other:
        return no(*(replace(entry.source, value="small cell") for entry in lung))
    return yes(*other) if other else _tumour(chart, "lung")


def _marker(chart: Chart, gene: str) -> Answer:
    found = chart.markers.get(gene)
    if found is None:
        return unknown(f"{gene} result")
    answer = yes if found.positive else no
    return answer(found.source, value=found.source.value)


@fact
def egfr_positive(chart: Chart) -> Answer:
    """Is an EGFR mutation on record?"""
    return _marker(chart, "EGFR")


@fact
def alk_positive(chart: Chart) -> Answer:
    """Is an ALK rearrangement on record?"""
    return _marker(chart, "ALK")


@fact
def her2_positive(chart: Chart) -> Answer:
    """Is a positive HER2 result on record (HER2-low is not positive)?"""
    return _marker(chart, "HER2")


@fact
def braf_v600_positive(chart: Chart) -> Answer:
    """Is a BRAF V600 mutation on record?"""
    return _marker(chart, "BRAF")


@fact
def focal_symptomatic_lesion(chart: Chart) -> Answer:
    """Is a circumscribed symptomatic lesion on record?"""
    found = chart.focal_lesion
    if found:
        return yes(found.source, value=found.site)
    live = next((s for s in findings(chart) if s.code == "cauda-equina"), None)
    if live:
        return yes(live.source, value="cauda equina")
    return unknown("an entry of a focal symptomatic lesion")


@fact
def standard_assessment_in_time(chart: Chart) -> Answer:
    """Is a standard LM scorecard on record that is not overdue?"""
    found = chart.scorecard
    if found is None:
        return unknown("a standard LM scorecard")
    if within(found.days, window("scorecard_days")):
        return yes(found.source, value="in time")
    return no(found.source, value="overdue")
