"""Who the patient is: age, malignancies, goals of care (data elements, 3.1 and 3.5)."""

from __future__ import annotations

from hooks.answer import Answer, Evidence
from hooks.facts.fact import fact, no, unknown, yes
from hooks.readings.chart import Chart
from hooks.readings.malignancy import Kind
from hooks.values.parameters import limit


def patient_evidence(chart: Chart, age: str) -> Evidence:
    """The age of the patient as evidence."""
    return Evidence(f"Patient/{chart.record.patient_id}", "age", age)


@fact
def adult(chart: Chart) -> Answer:
    """Is the patient known to be 18 or older?"""
    ages = chart.ages(chart.today)
    if not ages:
        return unknown("date of birth")
    source = patient_evidence(chart, f"{ages[0]} years")
    return yes(source) if ages[0] >= limit("adult_age") else no(source)


@fact
def solid_malignancy(chart: Chart) -> Answer:
    """Is a solid malignancy on record, active or past?"""
    found = tuple(entry.source for entry in chart.malignancies.of(Kind.SOLID))
    if found:
        sites = sorted({entry.site for entry in chart.malignancies.of(Kind.SOLID)})
        return yes(*found, value=", ".join(sites))
    others = tuple(entry.source for entry in chart.malignancies.entries)
    if others and not chart.conditions_failed:
        return no(*others)
    return unknown("a solid malignancy on the problem list")


@fact
def haematological_without_solid_malignancy(chart: Chart) -> Answer:
    """Is a haematological and no solid malignancy on record?"""
    found = tuple(entry.source for entry in chart.malignancies.of(Kind.HAEMATOLOGICAL))
    if chart.is_haematological_only:
        return yes(*found)
    solid = tuple(entry.source for entry in chart.malignancies.of(Kind.SOLID))
    return no(*solid) if solid else unknown("a malignancy on the problem list")


@fact
def hospice_care(chart: Chart) -> Answer:
    """Is the patient in hospice or comfort care?"""
    return yes(chart.hospice) if chart.hospice else unknown("a hospice entry")
