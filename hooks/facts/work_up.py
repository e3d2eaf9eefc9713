"""The diagnostic work-up so far: CSF samples, orders, safety of lumbar puncture (3.1, 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from hooks.answer import Answer, Evidence, Indicator
from hooks.facts.diagnosis import missing_or_unread
from hooks.facts.fact import fact, no, once, unknown, yes
from hooks.fhir import Condition
from hooks.readings.chart import Chart
from hooks.readings.concepts import evidence, how_matched, is_present
from hooks.readings.dates import within
from hooks.readings.laboratory import Laboratory
from hooks.readings.numbers import shown
from hooks.values.parameters import limit, window

_IMAGE_FIRST = frozenset({"papilloedema", "reduced-consciousness"})


@fact
def csf_result_in_episode(chart: Chart) -> Answer:
    """Is there a CSF cytology result of the current episode?"""
    episode = chart.cytologies.episode
    if episode:
        results = ", ".join(sample.result.value for sample in episode)
        return yes(*(sample.source for sample in episode), value=results)
    return unknown("a CSF cytology result")


@fact
def pending_csf_cytology(chart: Chart) -> Answer:
    """Is the result of a CSF cytology awaited?"""
    pending = chart.cytologies.pending
    return yes(pending.source) if pending else unknown("a pending CSF cytology")


@fact
def optimal_csf_sample(chart: Chart) -> Answer:
    """Was a sample of the episode taken and processed under optimal conditions?"""
    episode = chart.cytologies.episode
    optimal = tuple(sample.source for sample in episode if sample.optimal)
    if optimal:
        return yes(*optimal, value="optimal")
    return no(*(sample.source for sample in episode)) if episode else csf_result_in_episode(chart)


@fact
def lumbar_puncture_ordered(chart: Chart) -> Answer:
    """Is a lumbar puncture ordered?"""
    source = chart.ordered.lumbar_puncture
    return yes(source) if source else unknown("a recent order of lumbar puncture")


@fact
def neuraxis_mri_ordered(chart: Chart) -> Answer:
    """Is an MRI of brain and whole spine ordered?"""
    source = chart.ordered.neuraxis_mri
    return yes(source) if source else unknown("a recent order of MRI of the neuraxis")


@dataclass(frozen=True, slots=True)
class PunctureRisk:
    """Safety of lumbar puncture: indicator of what makes it unsafe, reasons, cautions.

    `platelets_known` and `laboratory_current` say whether current values were on record.
    """

    level: Indicator | None
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    because: tuple[Evidence, ...]
    platelets_known: bool
    laboratory_current: bool


def _current(result: Laboratory | None) -> float | None:
    """The value of a laboratory result that is readable and current."""
    known = result if result and within(result.days, window("laboratory_days")) else None
    return known.value if known else None


def _obstructive_hydrocephalus(chart: Chart) -> Evidence | None:
    for condition in chart.record.of(Condition):
        if is_present(condition) and how_matched("obstructive-hydrocephalus", condition.code):
            return evidence(condition, "obstructive hydrocephalus")
    return None


def _masses(chart: Chart) -> list[tuple[str, Evidence]]:
    masses, study = chart.masses
    found = [(m.value, replace(study.source, value=m.value)) for m in sorted(masses) if study]
    listed = _obstructive_hydrocephalus(chart)
    if listed and listed.label not in [reason for reason, _ in found]:
        found.append((listed.label, listed))
    return found


def _image_first(chart: Chart) -> list[tuple[str, Evidence]]:
    """Raised pressure or reduced consciousness without a brain MRI since."""
    flags = [symptom for symptom in chart.live_symptoms if symptom.code in _IMAGE_FIRST]
    newest = min(flags, key=lambda symptom: symptom.days, default=None)
    if newest is None:
        return []
    since = [study for study in chart.brain if study.days <= newest.days]
    if any(not study.unread for study in since):
        return []
    what = "readable brain MRI" if since else "brain MRI"
    return [(f"{newest.source.label} without {what} since", newest.source)]


def _platelets(
    value: float | None, result: Laboratory | None
) -> tuple[list[tuple[str, Evidence]], list[str]]:
    if value is None or result is None:
        return [], []
    text = f"platelets {shown(value)}"
    if value < limit("platelets_critical"):
        return [(text, result.source)], []
    return [], [text] if value < limit("platelets_caution") else []


def _coagulation(
    chart: Chart, inr: float | None, result: Laboratory | None
) -> tuple[list[tuple[str, Evidence]], list[str]]:
    warnings = [("antithrombotic drug not held", source) for source in chart.antithrombotics[:1]]
    if inr is None or result is None or inr <= limit("inr_caution"):
        return warnings, []
    text = f"INR {shown(inr)}"
    if inr > limit("inr_warning"):
        return [(text, result.source), *warnings], []
    return warnings, [text]


@once
def puncture_risk(chart: Chart) -> PunctureRisk:
    """The safety of lumbar puncture (specification, 3.3)."""
    platelets, inr = chart.laboratory("platelets"), chart.laboratory("inr")
    count, ratio = _current(platelets), _current(inr)
    low, platelet_caution = _platelets(count, platelets)
    critical = [*_masses(chart), *_image_first(chart), *low]
    warning, inr_caution = _coagulation(chart, ratio, inr)
    unsafe = critical or warning
    level = Indicator.CRITICAL if critical else Indicator.WARNING if warning else None
    return PunctureRisk(
        level=level,
        reasons=tuple(reason for reason, _ in unsafe),
        cautions=(*platelet_caution, *inr_caution),
        because=tuple(source for _, source in unsafe),
        platelets_known=count is not None,
        laboratory_current=count is not None and ratio is not None,
    )


@fact
def lumbar_puncture_unsafe(chart: Chart) -> Answer:
    """Does the chart show a reason against lumbar puncture?"""
    risk = puncture_risk(chart)
    if risk.level:
        return yes(*risk.because, value=", ".join(risk.reasons))
    imaging = missing_or_unread(chart, "brain")
    if risk.platelets_known and not imaging:
        return no(value=", ".join(risk.cautions) or None)
    missing = ["current platelets"] if not risk.platelets_known else []
    return unknown(*missing, *imaging)
