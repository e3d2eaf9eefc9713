"""Explanation of a call: for every recommendation its outcome, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable

from hooks.answer import Answer, Evidence, Finding
from hooks.engine.recommendation import Catalogue
from hooks.facts.fact import question
from hooks.fhir import JsonObject


def _evidence(evidence: Evidence) -> JsonObject:
    return {
        "reference": evidence.reference,
        "label": evidence.label,
        "value": evidence.value,
        "date": evidence.day.isoformat() if evidence.day else None,
        "matched": evidence.how,
    }


def _answer(answer: Answer) -> JsonObject:
    return {
        "fact": answer.fact,
        "question": question(answer.fact) or answer.fact.replace("_", " ").capitalize() + "?",
        "truth": answer.truth.value,
        "value": answer.value,
        "evidence": [_evidence(found) for found in answer.because],
        "missing": list(answer.missing),
    }


def _entry(finding: Finding, catalogue: Catalogue) -> JsonObject:
    verdict = finding.verdict
    return {
        "id": finding.recommendation,
        "title": catalogue.recommendations[finding.recommendation].title,
        "order": finding.order,
        "outcome": finding.outcome.value,
        "indicator": finding.indicator.value if finding.indicator else None,
        "wording": verdict.variant,
        "facts": [_answer(answer) for answer in verdict.answers],
        "notVerified": list(verdict.unknowns),
    }


def explanation(findings: Iterable[Finding], catalogue: Catalogue) -> list[JsonObject]:
    """One JSON-ready entry per recommendation and order, in catalogue order."""
    order = list(catalogue.recommendations)
    known = [finding for finding in findings if finding.recommendation in order]
    ranked = sorted(known, key=lambda finding: order.index(finding.recommendation))
    return [_entry(finding, catalogue) for finding in ranked]
