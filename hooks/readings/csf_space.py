"""Shunt, hydrocephalus and CSF flow (data elements, section 3.6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from hooks.answer import Evidence
from hooks.fhir import CodeableConcept, Condition, Device, DiagnosticReport, Observation, Procedure
from hooks.readings.concepts import (
    FINAL,
    Verification,
    evidence,
    how_matched,
    is_present,
    notes_of,
    observed,
    onset_or_recorded,
    performed,
    reported,
    text_of,
    truth_of_value,
    verification,
)
from hooks.readings.dates import Moment, days_ago, newest
from hooks.readings.imaging import Study
from hooks.readings.radiotherapy import Course, Phase
from hooks.readings.reports import UNREAD, read_report
from hooks.readings.sections import read_both_ways, result_part
from hooks.readings.text import (
    clauses,
    is_present_elsewhere,
    joined,
    normalised,
    passed_over,
    says,
    unnegated,
)
from hooks.values.codes import in_set
from hooks.values.lexicon import names, remembering_short


class Shunt(StrEnum):
    """CSF shunt and its valve; `none` needs explicit evidence."""

    NONE = "none"
    ON_OFF = "on/off valve"
    PROGRAMMABLE_PLAN = "programmable valve with a documented closing plan"
    PROGRAMMABLE = "programmable valve without a documented closing plan"
    VALVE_UNKNOWN = "valve type not recorded"
    NO_VALVE = "no on/off valve"


@dataclass(frozen=True, slots=True)
class ShuntReading:
    """What the chart says of a shunt, with its evidence."""

    status: Shunt
    sources: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry that shows a shunt: its valve text and, where known, its day."""

    text: str
    day: date | None
    source: Evidence


@remembering_short
def valve(text: str) -> Shunt:
    """The valve that the texts of a present shunt state."""
    parts = clauses(text)
    if any(names(part, "shunt-no-valve") for part in parts):
        return Shunt.NO_VALVE
    stated = [part for part in parts if not names(part, "shunt-not-stated")]
    if any(unnegated(part, "shunt-on-off") for part in stated):
        return Shunt.ON_OFF
    if any(names(p, "shunt-on-off") and not names(p, "shunt-programmable") for p in stated):
        return Shunt.NO_VALVE
    if any(names(part, "shunt-programmable") for part in parts):
        plan = any(unnegated(part, "shunt-closing-plan") for part in stated)
        return Shunt.PROGRAMMABLE_PLAN if plan else Shunt.PROGRAMMABLE
    return Shunt.VALVE_UNKNOWN


def _names_shunt(concept: CodeableConcept | None, extra: str = "") -> bool:
    return how_matched("shunt-present", concept, "entry-negated", extra) is not None


def _devices(devices: Iterable[Device]) -> Iterator[_Entry]:
    for device in devices:
        named = joined(name.name for name in device.device_name or ())
        if device.status in (None, "active") and _names_shunt(device.type, named):
            text = joined((named, text_of(device.type), device.model_number, notes_of(device.note)))
            yield _Entry(text, None, evidence(device, "CSF shunt"))


def _procedures(procedures: Iterable[Procedure]) -> Iterator[_Entry]:
    for procedure in procedures:
        if procedure.status == "completed" and _is_placement(procedure):
            text = joined((text_of(procedure.code), notes_of(procedure.note)))
            when = performed(procedure)
            yield _Entry(
                text, when.day if when else None, evidence(procedure, "CSF shunt", None, when)
            )


def _is_placement(procedure: Procedure) -> bool:
    removal = in_set("shunt-removal", procedure.code)
    return not removal and _names_shunt(procedure.code)


def _conditions(conditions: Iterable[Condition]) -> Iterator[_Entry]:
    for condition in conditions:
        if is_present(condition) and _names_shunt(condition.code):
            text = joined((text_of(condition.code), notes_of(condition.note)))
            when = onset_or_recorded(condition)
            day = when.day if when else None
            yield _Entry(text, day, evidence(condition, "CSF shunt", None, when))


def lists_shunt(conditions: Iterable[Condition]) -> bool:
    """Whether any entry of the problem list names a shunt, also an ended one."""
    listed = (c for c in conditions if verification(c) is not Verification.IGNORED)
    return any(_names_shunt(condition.code) for condition in listed)


def _value_text(observation: Observation) -> str:
    value = observation.value_string or text_of(observation.value_codeable_concept)
    return joined((value, text_of(observation.code), notes_of(observation.note)))


def is_about_shunt(code: CodeableConcept | None) -> bool:
    """Whether the title of an Observation names a shunt."""
    return names(text_of(code), "shunt-present")


def _shunt_observations(observations: Iterable[Observation]) -> Iterator[Observation]:
    return (o for o in observations if o.status in FINAL and is_about_shunt(o.code))


def _observations(observations: Iterable[Observation]) -> Iterator[_Entry]:
    for observation in _shunt_observations(observations):
        if truth_of_value(observation) is not False:
            when = observed(observation)
            day = when.day if when else None
            source = evidence(observation, "CSF shunt", None, when)
            yield _Entry(_value_text(observation), day, source)


def _explicit_absence(
    conditions: Iterable[Condition],
    observations: Iterable[Observation],
    brain: Sequence[Study],
) -> Evidence | None:
    """An Observation, a refuted Condition or the newest brain MRI that says there is no shunt."""
    denied = (o for o in _shunt_observations(observations) if truth_of_value(o) is False)
    for observation in denied:
        return evidence(observation, "no CSF shunt", None, observed(observation))
    for condition in conditions:
        if verification(condition) is Verification.REFUTED and _names_shunt(condition.code):
            return evidence(condition, "CSF shunt refuted", None, onset_or_recorded(condition))
    if brain and brain[0].no_shunt:
        source = brain[0].source
        return Evidence(source.reference, "no CSF shunt on MRI brain", None, source.day, "text")
    return None


def _removal(procedures: Iterable[Procedure], today: date) -> tuple[date, Evidence] | None:
    """The latest completed take-down with a usable date."""
    found = [
        (when.day, evidence(procedure, "CSF shunt removed", None, when))
        for procedure in procedures
        if procedure.status == "completed"
        and in_set("shunt-removal", procedure.code)
        and (when := performed(procedure))
        and days_ago(when, today) is not None
    ]
    return max(found, key=lambda pair: pair[0], default=None)


def read_shunt(
    devices: Iterable[Device],
    procedures: Sequence[Procedure],
    conditions: Sequence[Condition],
    observations: Sequence[Observation],
    brain: Sequence[Study],
    today: date,
) -> ShuntReading | None:
    """The shunt on record; None = nothing found, which is unknown.

    Any present entry beats an explicit absence, except a take-down later than every dated one.
    """
    present = [
        *_devices(devices),
        *_procedures(procedures),
        *_conditions(conditions),
        *_observations(observations),
    ]
    removal = _removal(procedures, today)
    if removal and all(entry.day is None or entry.day < removal[0] for entry in present):
        return ShuntReading(Shunt.NONE, (removal[1],))
    if present:
        sources = tuple(entry.source for entry in present)
        return ShuntReading(valve(joined(entry.text for entry in present)), sources)
    absent = _explicit_absence(conditions, observations, brain)
    return ShuntReading(Shunt.NONE, (absent,)) if absent else None


@dataclass(frozen=True, slots=True)
class Hydrocephalus:
    """Hydrocephalus on record; not stated counts as symptomatic (unknown is not safe)."""

    symptomatic: bool
    source: Evidence


def read_hydrocephalus(conditions: Iterable[Condition]) -> Hydrocephalus | None:
    """The worst hydrocephalus among the active Conditions."""
    found = []
    for condition in conditions:
        if not is_present(condition) or not how_matched("hydrocephalus", condition.code):
            continue
        text = joined((text_of(condition.code), notes_of(condition.note)))
        symptomatic = names(text, "hydrocephalus-symptomatic")
        symptomatic = symptomatic or not says(text, "hydrocephalus-asymptomatic")
        label = "symptomatic" if symptomatic else "asymptomatic or controlled"
        source = evidence(condition, "hydrocephalus", label, onset_or_recorded(condition))
        found.append(Hydrocephalus(symptomatic, source))
    return max(found, key=lambda entry: entry.symptomatic, default=None)


class Flow(StrEnum):
    """What a CSF-flow study says."""

    OBSTRUCTED = "obstructed"
    RESTORED = "restored"
    NORMAL = "normal"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class FlowStudy:
    """The CSF-flow study that decides; `outdated` = CNS radiotherapy or shunt surgery since."""

    flow: Flow
    days: int
    outdated: bool
    source: Evidence


@dataclass(frozen=True, slots=True)
class _FlowResult:
    flow: Flow
    when: Moment
    resource: DiagnosticReport | Observation
    unread: bool = False

    @property
    def source(self) -> Evidence:
        """The study as evidence."""
        value = UNREAD if self.unread else self.flow.value
        how = "code" if self.flow is Flow.INCONCLUSIVE else "text"
        return evidence(self.resource, "CSF flow study", value, self.when, how)


@remembering_short
def flow_status(text: str) -> Flow:
    """The result that the text of a CSF-flow study states; a bare "normal" is normal."""
    return read_both_ways(result_part(text), _flow_status, Flow.INCONCLUSIVE)


def _flow_status(text: str) -> Flow:
    if normalised(text).rstrip(".").lower() == "normal":
        return Flow.NORMAL
    found = {_clause_flow(c) for c in clauses(text) if not names(c, "flow-history")}
    unread = any(names(part, "flow-obstructed") for part in passed_over(text))
    if unread or is_present_elsewhere(text):
        found.add(Flow.INCONCLUSIVE)
    order = (Flow.OBSTRUCTED, Flow.INCONCLUSIVE, Flow.RESTORED, Flow.NORMAL)
    return next((flow for flow in order if flow in found), Flow.INCONCLUSIVE)


_UNSURE = ("hedged", "flow-known", "neither-nor", "not-assessed", "double-negation")


def _clause_flow(clause: str) -> Flow | None:
    """What one clause says of the flow.

    An obstruction that may be, was known before, or was not looked for leaves the study undecided;
    one that is not excluded counts.
    """
    obstructed = unnegated(clause, "flow-obstructed")
    if obstructed or names(clause, "flow-obstructed-not-negatable"):
        return Flow.INCONCLUSIVE if any(names(clause, n) for n in _UNSURE) else Flow.OBSTRUCTED
    if unnegated(clause, "flow-impaired") or names(clause, "flow-impaired-not-negatable"):
        return Flow.INCONCLUSIVE
    if any(names(clause, name) for name in _UNSURE):
        return None
    if unnegated(clause, "flow-restored"):
        return Flow.RESTORED
    return Flow.NORMAL if unnegated(clause, "flow-normal") else None


def is_flow_study(code: CodeableConcept | None) -> bool:
    """Whether a code or title is that of a CSF-flow study."""
    return in_set("csf-flow-study", code) or names(text_of(code), "csf-flow-study")


def _flow_results(
    reports: Iterable[DiagnosticReport], observations: Iterable[Observation]
) -> Iterator[_FlowResult]:
    for report in reports:
        when = reported(report)
        if when and report.status in FINAL and is_flow_study(report.code):
            told = read_report(report)
            flow = flow_status(told.text)
            unread = told.unreadable and flow is Flow.INCONCLUSIVE
            yield _FlowResult(flow, when, report, unread)
    for observation in observations:
        taken = observed(observation)
        if taken and observation.status in FINAL and is_flow_study(observation.code):
            value = joined((observation.value_string, text_of(observation.value_codeable_concept)))
            yield _FlowResult(flow_status(value), taken, observation)


_WORSE = {Flow.OBSTRUCTED: 3, Flow.INCONCLUSIVE: 2, Flow.RESTORED: 1, Flow.NORMAL: 0}


def _decisive(results: list[_FlowResult], today: date) -> _FlowResult | None:
    """The newest study; an inconclusive one does not lift an older obstruction."""
    latest = newest(results, lambda r: r.when, today, lambda r: _WORSE[r.flow])
    if latest is None or latest.flow is not Flow.INCONCLUSIVE:
        return latest
    conclusive = [result for result in results if result.flow is not Flow.INCONCLUSIVE]
    before = newest(conclusive, lambda r: r.when, today, lambda r: _WORSE[r.flow])
    return before if before and before.flow is Flow.OBSTRUCTED else latest


def _changes_since(day: date, courses: Iterable[Course], procedures: Iterable[Procedure]) -> bool:
    """CNS radiotherapy or shunt surgery on a later day than the study; a running course counts."""
    treated = [c.day for c in courses if c.is_cns and c.phase is not Phase.PLANNED]
    if any(c.is_cns and c.phase is Phase.ACTIVE and c.day is None for c in courses):
        return True
    shunted = [
        when.day
        for p in procedures
        if p.status == "completed"
        and (when := performed(p))
        and (_names_shunt(p.code) or in_set("shunt-removal", p.code))
    ]
    return any(later is not None and later > day for later in (*treated, *shunted))


def read_flow(
    reports: Iterable[DiagnosticReport],
    observations: Iterable[Observation],
    courses: Iterable[Course],
    procedures: Iterable[Procedure],
    today: date,
) -> FlowStudy | None:
    """The CSF-flow study that decides; None = none on record."""
    study = _decisive(list(_flow_results(reports, observations)), today)
    if study is None:
        return None
    days = days_ago(study.when, today) or 0
    outdated = study.flow is not Flow.OBSTRUCTED and _changes_since(
        study.when.day, courses, procedures
    )
    return FlowStudy(study.flow, days, outdated, study.source)
