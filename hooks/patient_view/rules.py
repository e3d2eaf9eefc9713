"""Chart open: the steps of the specification (3.4), one rule per recommendation."""

from __future__ import annotations

from msgspec.structs import replace

from hooks.answer import Answer, Fill, Indicator, Verdict, applies, silent
from hooks.facts.diagnosis import (
    lm_established,
    lm_on_problem_list,
    lm_recently_refuted,
    lm_suspected_on_problem_list,
    newest_studies,
    positive_csf_cytology,
)
from hooks.facts.fact import is_yes
from hooks.facts.suspicion import (
    equivocal_csf_cytology,
    findings,
    gate,
    probable_lm,
    suspicion,
)
from hooks.facts.work_up import (
    PunctureRisk,
    csf_result_in_episode,
    lumbar_puncture_ordered,
    lumbar_puncture_unsafe,
    neuraxis_mri_ordered,
    optimal_csf_sample,
    pending_csf_cytology,
    puncture_risk,
)
from hooks.patient_view import established
from hooks.readings.chart import Chart
from hooks.readings.cytology import Sample
from hooks.readings.dates import within
from hooks.readings.malignancy import Kind
from hooks.readings.wording import day_shown, listed
from hooks.values import yaml_file
from hooks.values.parameters import finding_kinds, window

_CANCER_LABELS = {
    "other": "solid cancer",
    "unknown": "cancer of unknown primary",
    "melanoma": "melanoma",
}


def positive_csf_uncoded(chart: Chart) -> Verdict:
    """P1, step 1: a positive cytology without a diagnosis on the problem list."""
    positive, coded = positive_csf_cytology(chart), lm_on_problem_list(chart)
    if not is_yes(positive):
        return silent(positive)
    if is_yes(coded):
        return silent(coded)
    barred = gate(chart)
    if barred and barred.fact != "hospice_care":
        return silent(barred)
    sample = chart.cytologies.positive
    date = day_shown(sample.day) if sample and sample.day else "on an unknown date"
    verdict = applies("warning", positive, coded, date=date)
    unnamed = () if chart.recorded_malignancies.entries else ("no-malignancy-recorded",)
    return replace(verdict, remarks=unnamed)


def _stopped_before_work_up(chart: Chart) -> tuple[Answer, ...] | None:
    """P1 and P2, steps 1 to 3: the answers that end the evaluation, or None to go on."""
    established = lm_established(chart)
    if is_yes(established):
        return (established,)
    refuted = lm_recently_refuted(chart)
    if is_yes(refuted):
        return (refuted,)
    barred = gate(chart)
    if barred:
        return (barred,)
    suspected = lm_suspected_on_problem_list(chart)
    if suspicion(chart).level is None and not is_yes(suspected):
        return (*suspicion(chart).answers, suspected)
    return None


def _stopped_before_repeat(chart: Chart) -> tuple[Answer, ...] | None:
    """The answers that keep a chart out of P2, step 4, or None when the step applies."""
    stopped = _stopped_before_work_up(chart)
    if stopped is not None:
        return stopped
    result = csf_result_in_episode(chart)
    if not is_yes(result):
        return (result,)
    waiting = (pending_csf_cytology(chart), lumbar_puncture_ordered(chart))
    return next(((answer,) for answer in waiting if is_yes(answer)), None)


def _needs_repeat(chart: Chart) -> bool:
    """One sample, or several of which none was optimal."""
    return len(chart.cytologies.episode) == 1 or not is_yes(optimal_csf_sample(chart))


def _newest(chart: Chart) -> Sample:
    return chart.cytologies.episode[0]


def _sample_fills(chart: Chart) -> dict[str, Fill]:
    sample = _newest(chart)
    date = day_shown(sample.day) if sample.day else "an unknown date"
    return {"result": sample.result.value, "date": date}


def repeat_lp_unsafe(chart: Chart) -> Verdict:
    """P2, step 4: a repeat puncture would be advised, but is unsafe."""
    stopped = _stopped_before_repeat(chart)
    if stopped is not None:
        return silent(*stopped)
    if not _needs_repeat(chart):
        return silent(optimal_csf_sample(chart))
    risk, unsafe = puncture_risk(chart), lumbar_puncture_unsafe(chart)
    if risk.level is None:
        return silent(unsafe)
    fills = {**_sample_fills(chart), "reason": risk.reasons}
    verdict = applies(risk.level.value, csf_result_in_episode(chart), unsafe, **fills)
    return replace(verdict, remarks=_unread_remarks(chart))


def repeat_lp(chart: Chart) -> Verdict:
    """P2, step 4: repeat the puncture after one sample, or after several suboptimal ones."""
    stopped = _stopped_before_repeat(chart)
    if stopped is not None:
        return silent(*stopped)
    if not _needs_repeat(chart):
        return silent(optimal_csf_sample(chart))
    risk, unsafe = puncture_risk(chart), lumbar_puncture_unsafe(chart)
    if risk.level:
        return silent(unsafe)
    probable, episode = probable_lm(chart), chart.cytologies.episode
    variant = "suboptimal" if len(episode) > 1 else "probable" if is_yes(probable) else "first"
    fills = {**_sample_fills(chart), "count": str(len(episode)), "caution": risk.cautions}
    answers = (csf_result_in_episode(chart), optimal_csf_sample(chart), *suspicion(chart).answers)
    verdict = applies(variant, *answers, unsafe, **fills)
    return replace(verdict, remarks=_repeat_remarks(chart, risk))


def _repeat_remarks(chart: Chart, risk: PunctureRisk) -> tuple[str, ...]:
    unread = chart.record.failed("Observation")
    stale = ("laboratory-unread",) if unread else ("laboratory-first",)
    cautions = ("puncture-caution",) if risk.cautions else ()
    return (*(() if risk.laboratory_current else stale), *cautions, *_unread_remarks(chart))


def _unread_remarks(chart: Chart) -> tuple[str, ...]:
    """Reports on record that do not count because they could not be read."""
    return (
        *(("unclassifiable-cytology",) if chart.cytologies.unclassifiable else ()),
        *(("unread-mri",) if any(study.unread for study in newest_studies(chart)) else ()),
    )


def two_nonpositive_csf(chart: Chart) -> Verdict:
    """P2, step 4: two or more samples, one of them optimal, and LM still considered."""
    stopped = _stopped_before_repeat(chart)
    if stopped is not None:
        return silent(*stopped)
    optimal = optimal_csf_sample(chart)
    if _needs_repeat(chart):
        return silent(
            csf_result_in_episode(chart) if len(chart.cytologies.episode) > 1 else optimal
        )
    reasons = (probable_lm(chart), equivocal_csf_cytology(chart))
    if not any(is_yes(reason) for reason in reasons):
        return silent(*reasons)
    fills = {**_sample_fills(chart), "count": str(len(chart.cytologies.episode))}
    verdict = applies("info", csf_result_in_episode(chart), optimal, *reasons, **fills)
    return replace(verdict, remarks=_unread_remarks(chart))


def suspected_lm(chart: Chart) -> Verdict:
    """P2, steps 4 and 5: the chart suggests LM and the work-up is neither done nor under way."""
    stopped = _stopped_before_work_up(chart)
    if stopped is not None:
        return silent(*stopped)
    current = suspicion(chart)
    if current.level is None:
        return silent(*current.answers)
    if current.level is not Indicator.CRITICAL:
        under_way = _work_up_under_way(chart)
        if under_way:
            return silent(*under_way)
    verdict = applies(current.level.value, *current.answers, **_suspicion_fills(chart))
    return replace(verdict, remarks=_suspicion_remarks(chart), withheld=_withheld(chart))


def _withheld(chart: Chart) -> tuple[str, ...]:
    """Suggestions that are already ordered, or unsafe."""
    no_puncture = is_yes(lumbar_puncture_unsafe(chart)) or is_yes(lumbar_puncture_ordered(chart))
    return (
        *(("lumbar-puncture-csf-cytology",) if no_puncture else ()),
        *(("mri-neuraxis",) if is_yes(neuraxis_mri_ordered(chart)) else ()),
    )


def _work_up_under_way(chart: Chart) -> tuple[Answer, ...]:
    """What keeps a non-critical suspicion quiet; empty when nothing does."""
    pending, puncture = pending_csf_cytology(chart), lumbar_puncture_ordered(chart)
    imaging, result = neuraxis_mri_ordered(chart), csf_result_in_episode(chart)
    if is_yes(pending):
        return (pending,)
    if is_yes(puncture):
        both = [answer for answer in (imaging, result) if is_yes(answer)]
        return (puncture, *both) if both else ()
    return (result,) if is_yes(result) else ()


def _suspicion_fills(chart: Chart) -> dict[str, Fill]:
    labels = [finding_kinds()[symptom.code].label for symptom in findings(chart)]
    shown = labels or ["MRI or CSF findings of LM"]
    flags = [s.source.label for s in findings(chart) if finding_kinds()[s.code].red_flag]
    return {
        "cancer": _cancer_label(chart),
        "findings": tuple(shown),
        "red_flags": tuple(flags),
        "work_up": _work_up(chart),
    }


def _cancer_label(chart: Chart) -> str:
    solid = chart.malignancies.of(Kind.SOLID)
    named = [entry for entry in solid if entry.site in ("breast", "lung", "melanoma")]
    site = (named or solid)[0].site
    spread = "metastatic " if chart.malignancies.metastatic and site != "unknown" else ""
    return spread + _CANCER_LABELS.get(site, f"{site} cancer")


def _missing_work_up(chart: Chart) -> list[str]:
    """What of the work-up the record does not show inside the windows."""
    imaged = chart.brain and chart.spine
    recent = imaged and all(
        within(study[0].days, window("symptom_days")) for study in (chart.brain, chart.spine)
    )
    sampled = chart.cytologies.episode or chart.cytologies.pending
    return [*([] if recent else [_MRI]), *([] if sampled else [_CSF])]


_MRI, _CSF = "neuraxis MRI", "CSF result"
_SOURCES = {_MRI: ("DiagnosticReport",), _CSF: ("DiagnosticReport", "Observation")}


def _work_up(chart: Chart) -> str:
    """One sentence: what was not found, and what could not be read."""
    sentences = yaml_file("remarks.yaml")["work_up"]
    missing = _missing_work_up(chart)
    unread = [name for name in missing if any(map(chart.record.failed, _SOURCES[name]))]
    absent = [name for name in missing if name not in unread]
    told = (("not_found", absent, "or"), ("unread", unread, "and"))
    return " ".join(sentences[k].format(listed(names, last)) for k, names, last in told if names)


def _suspicion_remarks(chart: Chart) -> tuple[str, ...]:
    kinds = {entry.kind for entry in chart.malignancies.entries}
    both = Kind.HAEMATOLOGICAL in kinds and Kind.SOLID in kinds
    return (
        *(("two-malignancies",) if both else ()),
        *_unread_remarks(chart),
        *(("no-neurological-examination",) if _not_examined(chart) else ()),
    )


def _not_examined(chart: Chart) -> bool:
    """No neurological examination on record, after a complete look."""
    return not chart.neurological_examination and not chart.record.failed("Observation")


RULES = {
    "positive-csf-uncoded": positive_csf_uncoded,
    "repeat-lp-unsafe": repeat_lp_unsafe,
    "repeat-lp": repeat_lp,
    "suspected-lm": suspected_lm,
    "two-nonpositive-csf": two_nonpositive_csf,
    **established.RULES,
}
"""The rule of each recommendation, by id."""
