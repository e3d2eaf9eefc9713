"""Chart open, established LM: one rule per recommendation (specification, 3.4, step P1)."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from hooks.answer import Answer, Verdict, applies, silent
from hooks.facts import guidance
from hooks.facts.classification import Classification, classification
from hooks.facts.diagnosis import lm_established, positive_csf_cytology
from hooks.facts.fact import is_no, is_yes
from hooks.facts.suspicion import gate, typical_clinical_signs, typical_mri
from hooks.facts.work_up import neuraxis_mri_ordered
from hooks.readings.chart import Chart
from hooks.readings.csf_space import Flow
from hooks.readings.cytology import Sample
from hooks.readings.dates import within
from hooks.readings.imaging import Study
from hooks.readings.malignancy import Diagnosis
from hooks.readings.numbers import shown
from hooks.readings.wording import day_shown, listed
from hooks.values.parameters import (
    TargetedTumour,
    classification_rules,
    limit,
    targeted_drugs,
    targeted_tumours,
    window,
)

Rule = Callable[[Chart], Verdict]


def _not_guided(chart: Chart) -> Answer | None:
    """What keeps a chart out of the guidance for established LM; None = guided."""
    established = lm_established(chart)
    return gate(chart) if is_yes(established) else established


def _guided(rule: Rule) -> Rule:
    """A rule that is asked for established LM of an adult with a solid tumour only."""

    def asked(chart: Chart) -> Verdict:
        barred = _not_guided(chart)
        return silent(barred) if barred else rule(chart)

    asked.__doc__ = rule.__doc__
    return asked


def _unread(chart: Chart, *categories: str) -> bool:
    """Whether data that a statement of absence would rest on could not be read."""
    return any(map(chart.record.failed, categories))


def _standing(chart: Chart) -> str:
    """How sure the chart is of LM: `confirmed` or `probable`."""
    entry = chart.lm_entry
    by_cytology = is_yes(positive_csf_cytology(chart))
    probable = entry is not None and entry.diagnosis is Diagnosis.PROBABLE
    return "probable" if probable and not by_cytology else "confirmed"


@_guided
def neuraxis_mri_missing(chart: Chart) -> Verdict:
    """P1, step 3: brain or whole spine without a current MRI of stated contrast."""
    parts = {
        "brain": guidance.contrast_mri_brain_current(chart),
        "whole spine": guidance.contrast_mri_spine_current(chart),
    }
    missing = {part: answer for part, answer in parts.items() if not is_yes(answer)}
    treated = guidance.on_lm_treatment(chart)
    if not missing:
        return silent(*parts.values())
    verdict = applies(
        "unread" if _unread(chart, "DiagnosticReport") else "missing",
        lm_established(chart),
        *parts.values(),
        treated,
        standing=_standing(chart),
        part=tuple(missing),
        found=_what_was_found(chart, missing),
        days=shown(guidance.mri_limit_days(chart)),
    )
    return replace(verdict, withheld=_mri_withheld(chart, missing))


def _what_was_found(chart: Chart, missing: dict[str, Answer]) -> str:
    """Per part what there is instead of a current MRI with contrast."""
    absent = "not read" if _unread(chart, "DiagnosticReport") else "none found"
    return "; ".join(f"{part}: {answer.value or absent}" for part, answer in missing.items())


def _mri_withheld(chart: Chart, missing: dict[str, Answer]) -> tuple[str, ...]:
    """The drafts that do not fit what is missing; none where the neuraxis is ordered."""
    drafts = {"brain": "mri-brain", "whole spine": "mri-whole-spine", "both": "mri-neuraxis"}
    if is_yes(neuraxis_mri_ordered(chart)):
        return tuple(drafts.values())
    fitting = "both" if len(missing) > 1 else next(iter(missing))
    return tuple(name for part, name in drafts.items() if part != fitting)


@_guided
def eano_classification(chart: Chart) -> Verdict:
    """P1, step 4: type and certainty, with their inputs."""
    found = classification(chart)
    known = "typed" if found.letter else "letter-unknown"
    verdict = applies(
        known if found.type else "type-unknown",
        lm_established(chart),
        positive_csf_cytology(chart),
        typical_mri(chart),
        guidance.mri_without_pattern(chart),
        guidance.hydrocephalus_on_record(chart),
        typical_clinical_signs(chart),
        guidance.poor_status_or_prognosis(chart),
        type=found.shown,
        certainty=found.certainty,
        missing=found.missing,
        inputs=_inputs(chart),
        status=guidance.poor_status_or_prognosis(chart).value or "not known",
        version=str(classification_rules()["version"]),
    )
    return replace(verdict, remarks=_classification_remarks(chart))


def _inputs(chart: Chart) -> str:
    """The dates of cytology and MRI, as a sentence part."""
    sample = chart.cytologies.decisive
    dated = {
        "CSF": sample.day if sample else None,
        "MRI brain": chart.brain[0].day if chart.brain else None,
        "MRI spine": chart.spine[0].day if chart.spine else None,
    }
    shown_days = [f"{name} {day_shown(day)}" for name, day in dated.items() if day]
    unread = _unread(chart, "DiagnosticReport", "Observation")
    absent = "Input dates not read" if unread else "No dated input on record"
    return f"Inputs dated {listed(shown_days)}" if shown_days else absent


def _classification_remarks(chart: Chart) -> tuple[str, ...]:
    found = classification(chart)
    provisional = found.type == "II" and found.letter is not None
    return (
        *(("certainty-provisional",) if provisional else ()),
        *(("cytology-pending",) if found.type != "I" and chart.cytologies.pending else ()),
        *(("no-rule-for-type",) if _without_rule(found) else ()),
        *(("mri-and-csf-apart",) if _mri_and_csf_apart(chart) else ()),
        *(("reports-unread",) if _unread(chart, "DiagnosticReport", "Observation") else ()),
    )


def _without_rule(found: Classification) -> bool:
    """The sources have rules for type I with a known letter only."""
    return found.type == "II" or (found.type == "I" and found.letter not in (None, *_ROWS))


def _mri_and_csf_apart(chart: Chart) -> bool:
    sample = chart.cytologies.positive
    if sample is None or sample.days is None:
        return False
    ages = [studies[0].days for studies in (chart.brain, chart.spine) if studies]
    return any(not within(abs(age - sample.days), window("mri_and_csf_days")) for age in ages)


@_guided
def best_supportive_care(chart: Chart) -> Verdict:
    """P1, step 5: poor performance status or short life expectancy."""
    poor = guidance.poor_status_or_prognosis(chart)
    if not is_yes(poor):
        return silent(poor)
    verdict = applies("poor", lm_established(chart), poor, reason=poor.value or "")
    kps = chart.score("kps")
    between = kps is not None and limit("kps_nccn_poor") <= kps.value < limit("kps_poor")
    return replace(verdict, remarks=("nccn-kps-60",) if between else ())


@_guided
def record_kps(chart: Chart) -> Verdict:
    """P1, step 5: performance status neither poor nor good enough to tell."""
    poor = guidance.poor_status_or_prognosis(chart)
    if is_yes(poor) or is_no(poor):
        return silent(poor)
    unread = _unread(chart, "Observation") or chart.unreadable_score
    absent = "unread" if unread else "none"
    return applies("ecog-2" if poor.value else absent, lm_established(chart), poor)


_TUMOURS = {
    "lung": guidance.non_small_cell_lung_cancer,
    "breast": guidance.breast_cancer,
    "melanoma": guidance.melanoma,
}
_MARKERS = {
    "EGFR": guidance.egfr_positive,
    "ALK": guidance.alk_positive,
    "HER2": guidance.her2_positive,
    "BRAF": guidance.braf_v600_positive,
}


def _targeted(marker: str) -> Rule:
    """The rule of the option that one positive marker leads to (P1, step 6)."""
    tumour = next(entry for entry in targeted_tumours() if marker in entry.markers)

    @_guided
    def rule(chart: Chart) -> Verdict:
        present, positive = _TUMOURS[tumour.site](chart), _MARKERS[marker](chart)
        if not is_yes(present):
            return silent(present)
        if not is_yes(positive):
            return silent(positive)
        treated = guidance.on_lm_treatment(chart)
        taken = _taken(chart, marker)
        answers = (lm_established(chart), present, positive, treated)
        verdict = applies("option", *answers, tumour=tumour.label, drug=taken)
        return replace(verdict, remarks=("already-ordered",) if taken else ())

    rule.__doc__ = f"P1, step 6: {marker} positive in {tumour.label}."
    return rule


def _taken(chart: Chart, marker: str) -> tuple[str, ...]:
    """The drugs of a marker that are already ordered."""
    ordered = {source.value for source in chart.lm_treatment}
    return tuple(drug for drug in targeted_drugs(marker) if drug in ordered)


@_guided
def molecular_result_missing(chart: Chart) -> Verdict:
    """P1, step 6: a needed marker without result, and no positive one of the same tumour."""
    present = {entry: _TUMOURS[entry.site](chart) for entry in targeted_tumours()}
    found = [entry for entry, answer in present.items() if is_yes(answer)]
    missing = tuple(marker for entry in found for marker in _missing_markers(chart, entry))
    asked = tuple(_MARKERS[marker](chart) for entry in found for marker in entry.markers)
    if not missing:
        return silent(*(asked or present.values()))
    tumours = tuple(present[entry] for entry in found)
    answers = (lm_established(chart), *tumours, *asked)
    return applies(_how_missing(chart, missing), *answers, markers=missing)


def _how_missing(chart: Chart, missing: tuple[str, ...]) -> str:
    """Whether results were not read, are named without a verdict, or are not on record."""
    failed = _unread(chart, "DiagnosticReport", "Observation")
    if failed or chart.unread_molecular_report:
        return "unread"
    return "unclear" if chart.unclear_markers & set(missing) else "missing"


def _missing_markers(chart: Chart, tumour: TargetedTumour) -> tuple[str, ...]:
    results = {marker: _MARKERS[marker](chart) for marker in tumour.markers}
    if any(map(is_yes, results.values())):
        return ()
    return tuple(marker for marker, answer in results.items() if not is_no(answer))


_ROWS = {"A": "row-a", "B": "row-b", "C": "row-c", "D-normal": "row-d"}
"""The wording of each letter that the sources have a rule for."""


@_guided
def intrathecal_therapy_option(chart: Chart) -> Verdict:
    """P1, step 7: tumour cells in CSF, adequate status, no block, and a known MRI pattern."""
    poor, obstructed = guidance.poor_status_or_prognosis(chart), guidance.csf_flow_obstructed(chart)
    positive = positive_csf_cytology(chart)
    if not is_no(poor):
        return silent(poor)
    if not is_yes(positive):
        return silent(positive)
    if is_yes(obstructed):
        return silent(obstructed)
    typical, plain = typical_mri(chart), guidance.mri_without_pattern(chart)
    hydrocephalus = guidance.hydrocephalus_on_record(chart)
    row = _ROWS.get(classification(chart).letter or "")
    if row is None:
        return silent(hydrocephalus) if is_yes(plain) else silent(typical, plain)
    pattern = typical if is_yes(typical) else plain
    answers = (lm_established(chart), poor, positive, pattern, obstructed)
    verdict = applies(row, *answers, status=poor.value or "", flow=_flow_shown(chart))
    return replace(verdict, remarks=("hydrocephalus-first",) if is_yes(hydrocephalus) else ())


def _flow_shown(chart: Chart) -> str:
    """What is known of the CSF flow, as a sentence part."""
    study = chart.flow
    if study and study.flow is not Flow.OBSTRUCTED:
        since = ", but CNS radiotherapy or shunt surgery followed" if study.outdated else ""
        day = f" of {day_shown(study.source.day)}" if study.source.day else ""
        return f"CSF flow study{day}: {study.flow.value}{since}"
    unread = _unread(chart, "DiagnosticReport", "Observation")
    return "CSF flow study could not be read" if unread else "no CSF flow study found"


@_guided
def focal_radiotherapy(chart: Chart) -> Verdict:
    """P1, step 8: a focal symptomatic lesion."""
    lesion = guidance.focal_symptomatic_lesion(chart)
    if not is_yes(lesion):
        return silent(lesion)
    listed_lesion = chart.focal_lesion
    urgent = listed_lesion is None or listed_lesion.urgent
    variant = "urgent" if urgent else "lesion"
    return applies(variant, lm_established(chart), lesion, site=lesion.value or "")


@_guided
def follow_up_scorecard(chart: Chart) -> Verdict:
    """P1, step 9: on LM treatment without a standard assessment in time."""
    treated, assessed = (
        guidance.on_lm_treatment(chart),
        guidance.standard_assessment_in_time(chart),
    )
    if not is_yes(treated):
        return silent(treated)
    if is_yes(assessed):
        return silent(assessed)
    known = "overdue" if is_no(assessed) else "none"
    return applies(
        "unread" if _unread(chart, "Observation") else known,
        lm_established(chart),
        treated,
        assessed,
        treatment=treated.value or "",
        days=str(chart.scorecard.days) if chart.scorecard else "",
        last=_last_studies(chart),
    )


def _last_studies(chart: Chart) -> str:
    """The age of the newest MRI and CSF sample, for the text only."""
    reports, any_result = ("DiagnosticReport",), ("DiagnosticReport", "Observation")
    told = {
        "MRI brain": _age_of_newest(chart, chart.brain, reports),
        "MRI spine": _age_of_newest(chart, chart.spine, reports),
        "CSF cytology": _age_of_newest(chart, chart.cytologies.samples, any_result),
    }
    return listed([f"{name} {age}" for name, age in told.items()])


def _age_of_newest(
    chart: Chart, found: tuple[Study | Sample, ...], categories: tuple[str, ...]
) -> str:
    """How old the first of some results is; without any, whether all categories were read."""
    if not found:
        return "not read" if _unread(chart, *categories) else "not found"
    return "date unknown" if found[0].days is None else f"{found[0].days} d ago"


RULES: dict[str, Rule] = {
    "best-supportive-care": best_supportive_care,
    "neuraxis-mri-missing": neuraxis_mri_missing,
    "eano-classification": eano_classification,
    "egfr-osimertinib": _targeted("EGFR"),
    "alk-alectinib": _targeted("ALK"),
    "her2-cns-active-options": _targeted("HER2"),
    "braf-mek-inhibitors": _targeted("BRAF"),
    "molecular-result-missing": molecular_result_missing,
    "focal-radiotherapy": focal_radiotherapy,
    "intrathecal-therapy-option": intrathecal_therapy_option,
    "record-kps": record_kps,
    "follow-up-scorecard": follow_up_scorecard,
}
"""The rule of each recommendation, by id."""
