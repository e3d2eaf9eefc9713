"""Radiotherapy courses (data elements, section 3.6, rt)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from hooks.answer import Evidence
from hooks.fhir import CodeableConcept, Procedure, ServiceRequest
from hooks.readings.concepts import evidence, performed, text_of
from hooks.readings.dates import Moment, days_ago, moment
from hooks.readings.text import joined, says
from hooks.values.codes import in_set
from hooks.values.lexicon import names


class Target(StrEnum):
    """Target volume of a course."""

    CRANIOSPINAL = "craniospinal"
    WHOLE_BRAIN = "whole-brain"
    OTHER = "other"


class Phase(StrEnum):
    """Where a course stands."""

    PLANNED = "planned"
    ACTIVE = "active"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class Course:
    """One radiotherapy course; `days` since completion, None when not known.

    `is_cns` marks courses of brain or spine; `day` is the known end (else start).
    """

    target: Target
    phase: Phase
    days: int | None
    day: date | None
    is_cns: bool
    source: Evidence


_PROCEDURE_PHASES = {
    "preparation": Phase.PLANNED,
    "on-hold": Phase.PLANNED,
    "in-progress": Phase.ACTIVE,
    "completed": Phase.COMPLETED,
    "stopped": Phase.COMPLETED,
}
_CUES = "entry-negated"
_REQUEST_PHASES = {"active": Phase.PLANNED, "on-hold": Phase.PLANNED, "draft": Phase.PLANNED}


def _is_radiotherapy(code: CodeableConcept | None) -> bool:
    if in_set("radiotherapy", code):
        return True
    text = text_of(code)
    return any(says(text, name, _CUES) for name in ("radiotherapy", "rt-wbrt-abbreviation"))


def _said_to_be(procedure: Procedure) -> tuple[CodeableConcept, ...]:
    """The code of a Procedure; without one its category, as in public course summaries."""
    if procedure.code and (procedure.code.coding or procedure.code.text):
        return (procedure.code,)
    category = procedure.category or ()
    return category if isinstance(category, tuple) else (category,)


def _sites(body_site: tuple[CodeableConcept, ...]) -> frozenset[str]:
    """Brain and spine, by code or by text."""
    text = joined(text_of(site) for site in body_site)
    return frozenset(
        site
        for site in ("brain", "spine")
        if in_set(f"radiotherapy-site-{site}", *body_site) or names(text, f"rt-site-{site}")
    )


def _target(text: str, sites: frozenset[str]) -> Target:
    if says(text, "rt-csi", _CUES) or len(sites) == 2:
        return Target.CRANIOSPINAL
    return Target.WHOLE_BRAIN if says(text, "rt-wbrt", _CUES) else Target.OTHER


def _course(
    resource: Procedure | ServiceRequest, phase: Phase, when: Moment | None, today: date
) -> Course:
    sites = _sites(resource.body_site or ())
    text = joined((text_of(resource.code), *(text_of(site) for site in resource.body_site or ())))
    target = _target(text, sites)
    is_cns = target is not Target.OTHER or bool(sites) or names(text, "rt-cns")
    days = days_ago(when, today)
    source = evidence(resource, f"{target.value} radiotherapy", phase.value, when)
    return Course(target, phase, days, when.day if when else None, is_cns, source)


def read_courses(
    procedures: Iterable[Procedure], requests: Iterable[ServiceRequest], today: date
) -> tuple[Course, ...]:
    """All planned, active and completed courses."""
    courses = []
    for procedure in procedures:
        phase = _PROCEDURE_PHASES.get(procedure.status or "")
        if phase and any(_is_radiotherapy(concept) for concept in _said_to_be(procedure)):
            courses.append(_course(procedure, phase, performed(procedure), today))
    for request in requests:
        phase = _REQUEST_PHASES.get(request.status or "")
        if phase and not request.do_not_perform and _is_radiotherapy(request.code):
            courses.append(_course(request, phase, moment(request.authored_on), today))
    return tuple(courses)
