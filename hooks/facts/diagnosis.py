"""What is already known about leptomeningeal metastasis (data elements, 3.3 and 3.5)."""

from __future__ import annotations

from hooks.answer import Answer, Evidence
from hooks.facts.fact import fact, is_yes, no, unknown, yes
from hooks.readings.chart import Chart
from hooks.readings.cytology import Result, Sample
from hooks.readings.imaging import TYPICAL, Study
from hooks.readings.malignancy import Diagnosis
from hooks.readings.symptoms import Symptom
from hooks.values.parameters import window


@fact
def lm_on_problem_list(chart: Chart) -> Answer:
    """Is leptomeningeal metastasis on the problem list as confirmed or probable?"""
    entry = chart.lm_entry
    if entry and chart.lm_on_problem_list:
        return yes(entry.source, value=entry.diagnosis.value)
    if entry and not chart.conditions_failed:
        return no(entry.source, value=entry.diagnosis.value)
    return unknown("a diagnosis of leptomeningeal metastasis on the problem list")


@fact
def positive_csf_cytology(chart: Chart) -> Answer:
    """Has any CSF cytology been positive, whatever its age?"""
    positive = chart.cytologies.positive
    if positive:
        return yes(positive.source)
    return unknown("a positive CSF cytology", because=_sources(chart.cytologies.samples))


def _sources(samples: tuple[Sample, ...]) -> tuple[Evidence, ...]:
    return tuple(sample.source for sample in samples)


@fact
def lm_established(chart: Chart) -> Answer:
    """Is leptomeningeal metastasis established, by diagnosis or by positive cytology?"""
    parts = (lm_on_problem_list(chart), positive_csf_cytology(chart))
    sources = tuple(e for part in parts if is_yes(part) for e in part.because)
    if sources:
        return yes(*sources)
    return unknown(*(missing for part in parts for missing in part.missing))


@fact
def lm_suspected_on_problem_list(chart: Chart) -> Answer:
    """Is leptomeningeal metastasis on the problem list as suspected?"""
    entry = chart.lm_entry
    if entry and entry.diagnosis is Diagnosis.SUSPECTED:
        return yes(entry.source)
    return unknown("an entry of suspected leptomeningeal metastasis")


def _new_evidence(chart: Chart, refuted_days: int) -> tuple[Evidence, ...]:
    """What is dated on a later day than the refutation."""
    findings: list[Symptom | Study | Sample] = [*chart.live_symptoms]
    findings += [study for study in newest_studies(chart) if study.pattern in TYPICAL]
    findings += [s for s in chart.cytologies.episode if s.result is Result.EQUIVOCAL]
    return tuple(f.source for f in findings if f.days is not None and f.days < refuted_days)


def newest_studies(chart: Chart) -> tuple[Study, ...]:
    """The newest MRI of the brain and the newest of the spine, as far as there are any."""
    return (*chart.brain[:1], *chart.spine[:1])


def missing_or_unread(chart: Chart, *regions: str) -> tuple[str, ...]:
    """The MRIs that the record does not hold, or whose newest report could not be read."""
    studies = {"brain": chart.brain, "spine": chart.spine}
    absent = [f"MRI {region}" for region in regions if not studies[region]]
    unread = [f"report of the MRI {r}" for r in regions if studies[r] and studies[r][0].unread]
    return (*absent, *unread)


@fact
def lm_recently_refuted(chart: Chart) -> Answer:
    """Was leptomeningeal metastasis refuted recently, without new evidence since?"""
    entry = chart.lm_entry
    if entry is None or entry.diagnosis is not Diagnosis.REFUTED:
        return no()
    if entry.days is None or entry.days > window("refuted_days"):
        return no(entry.source)
    since = _new_evidence(chart, entry.days)
    return no(entry.source, *since) if since else yes(entry.source)
