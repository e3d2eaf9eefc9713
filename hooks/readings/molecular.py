"""Results of tumour markers on record (data elements, section 3.1, cancer[].markers)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from hooks.answer import Evidence
from hooks.fhir import CodeableConcept, Coding, Condition, DiagnosticReport, Observation
from hooks.readings import markers
from hooks.readings.concepts import (
    FINAL,
    Verification,
    evidence,
    notes_of,
    observed,
    onset_or_recorded,
    reported,
    text_of,
    verification,
)
from hooks.readings.dates import Moment, days_ago
from hooks.readings.reports import read_report, report_text
from hooks.readings.text import joined, normalised
from hooks.values.codes import best_match, codings, in_set
from hooks.values.lexicon import names

_HGNC = "http://www.genenames.org"


@dataclass(frozen=True, slots=True)
class Marker:
    """The result of one tumour marker that decides."""

    positive: bool
    source: Evidence


@dataclass(frozen=True, slots=True)
class _Result:
    gene: str
    positive: bool
    when: Moment | None
    source: Evidence


def _result(
    resource: Observation | DiagnosticReport | Condition,
    gene: str,
    positive: bool,
    when: Moment | None,
    how: str = "code",
) -> _Result:
    shown = "positive" if positive else "negative"
    return _Result(gene, positive, when, evidence(resource, gene, shown, when, how))


def _reports(reports: Iterable[DiagnosticReport]) -> Iterator[_Result]:
    for report in reports:
        if report.status in FINAL:
            found = markers.read_report(text_of(report.code), report_text(report))
            for gene, verdict in found.items():
                yield _result(report, gene, verdict == "pos", reported(report), "text")


def has_unread_report(reports: Iterable[DiagnosticReport]) -> bool:
    """Whether a molecular report is on record that cannot be read, so that a result may exist."""
    return any(
        report.status in FINAL
        and names(text_of(report.code), "molecular-report")
        and read_report(report).unreadable
        for report in reports
    )


def named_without_result(
    reports: Iterable[DiagnosticReport],
    observations: Iterable[Observation],
    conditions: Iterable[Condition],
    found: Mapping[str, Marker],
) -> frozenset[str]:
    """The markers that the record names (the text of a problem too) without a result for them."""
    named = {
        gene
        for report in reports
        if report.status in FINAL
        for gene in markers.named(text_of(report.code), report_text(report))
    }
    named |= {gene for o in observations if o.status in FINAL and (gene := _gene(o))}
    for condition in conditions:
        if verification(condition) is Verification.CONFIRMED:
            named |= markers.named("", text_of(condition.code))
    return frozenset(named - found.keys())


def _hgnc(coding: Coding) -> Coding:
    """A gene coding in the one form of the value sets: with `HGNC:`, without `/geneId`."""
    code = coding.code or ""
    full = code if code.startswith("HGNC:") else f"HGNC:{code}"
    return Coding((coding.system or "").removesuffix("/geneId"), full)


def _is_gene(gene: str, concept: CodeableConcept | None) -> bool:
    name = f"marker-{gene.lower()}"
    known = [_hgnc(c) for c in codings(concept) if (c.system or "").startswith(_HGNC)]
    if known or in_set(name, concept):
        return in_set(name, concept, CodeableConcept(tuple(known)))
    return names(text_of(concept), f"marker-{gene.lower()}-named")


def _studied(observation: Observation) -> str | None:
    """The marker whose gene a variant Observation names in its component."""
    concepts = [
        component.value_codeable_concept
        for component in observation.component or ()
        if in_set("marker-gene-component", component.code)
    ]
    genes = (gene for gene in markers.GENES if any(_is_gene(gene, c) for c in concepts))
    return next(genes, None)


_BY_VALUE = {
    "marker-her2-by-value": "HER2",
    "marker-alk-by-value": "ALK",
    "marker-braf-by-value": "BRAF",
}


def _by_value(code: CodeableConcept | None) -> str | None:
    """The marker that the code of an Observation measures."""
    return _BY_VALUE.get(best_match(_BY_VALUE, code) or "")


def is_about_marker(code: CodeableConcept | None) -> bool:
    """Whether an Observation with this code can hold the result of a marker."""
    return in_set("marker-variant", code) or _by_value(code) is not None


def _value(observation: Observation) -> bool | None:
    """Positive or negative by code, else by word; None when it says neither."""
    concepts = (observation.value_codeable_concept, *(observation.interpretation or ()))
    coded = best_match(
        ("marker-variant-present", "cytology-positive", "cytology-negative"), *concepts
    )
    if coded:
        return coded != "cytology-negative"
    text = normalised(observation.value_string or text_of(observation.value_codeable_concept))
    if names(text.rstrip("."), "marker-value-negative"):
        return False
    return True if names(text.rstrip("."), "marker-value-positive") else None


def _all_text(observation: Observation) -> str:
    parts = [observation.value_string, text_of(observation.value_codeable_concept)]
    for component in observation.component or ():
        parts += [component.value_string, text_of(component.value_codeable_concept)]
    return joined((*parts, notes_of(observation.note)))


def _gene(observation: Observation) -> str | None:
    """The marker that an Observation is about."""
    variant = in_set("marker-variant", observation.code)
    return _studied(observation) if variant else _by_value(observation.code)


def _observations(observations: Iterable[Observation]) -> Iterator[_Result]:
    for observation in observations:
        if observation.status not in FINAL:
            continue
        gene, positive = _gene(observation), _value(observation)
        if gene is None or positive is None:
            continue
        if positive and gene == "BRAF" and markers.is_another_braf_change(_all_text(observation)):
            continue
        yield _result(observation, gene, positive, observed(observation))


_SETS = ("egfr", "alk", "her2")


def _conditions(conditions: Iterable[Condition]) -> Iterator[_Result]:
    for condition in conditions:
        if verification(condition) is not Verification.CONFIRMED:
            continue
        for name in _SETS:
            found = best_match((f"marker-{name}-pos", f"marker-{name}-neg"), condition.code)
            if found:
                when = onset_or_recorded(condition)
                yield _result(condition, name.upper(), found.endswith("pos"), when)


def _decisive(results: Iterable[_Result], today: date) -> dict[str, Marker]:
    """Per marker the newest result, on one day the positive one; undated ones come last."""
    ranked: dict[str, tuple[float, bool]] = {}
    found: dict[str, Marker] = {}
    for result in results:
        days = days_ago(result.when, today)
        if days is None and result.when is not None:
            continue
        rank = (float("inf") if days is None else days, not result.positive)
        if result.gene not in ranked or rank < ranked[result.gene]:
            ranked[result.gene] = rank
            found[result.gene] = Marker(result.positive, result.source)
    return found


def read_markers(
    reports: Iterable[DiagnosticReport],
    observations: Iterable[Observation],
    conditions: Iterable[Condition],
    today: date,
) -> Mapping[str, Marker]:
    """The deciding result of each marker on record; a report or Observation beats a Condition."""
    measured = _decisive((*_reports(reports), *_observations(observations)), today)
    return {**_decisive(_conditions(conditions), today), **measured}
