"""The catalogue: every recommendation and every source statement as data for people to read.

JSON-ready objects without patient data; the web pages, the endpoint and the document show them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hooks.engine.recommendation import (
    PLACEHOLDER,
    Recommendation,
    Source,
    Variant,
    guidelines,
    literature,
)
from hooks.facts.fact import question
from hooks.fhir import JsonObject
from hooks.readings.numbers import shown
from hooks.values import yaml_file
from hooks.values.parameters import parameters

_UNITS = {"1": "", "a": "years", "d": "days", "h": "hours"}


def neutral(text: str) -> str:
    """A sentence whose placeholders are named in brackets: `{red_flags}` -> `[red flags]`."""
    return PLACEHOLDER.sub(lambda match: f"[{match[1].replace('_', ' ')}]", text)


def recommendation_entry(recommendation: Recommendation, hook: str) -> JsonObject:
    """One recommendation: question, rule, wording, numbers, sources, evidence and limits."""
    return {
        "id": recommendation.id,
        "hook": hook,
        "title": recommendation.title,
        "question": recommendation.question,
        "status": recommendation.status,
        "explanation": recommendation.explanation,
        "variants": [_variant(name, v) for name, v in recommendation.variants.items()],
        "inputs": [{"name": n, "question": question(n)} for n in recommendation.inputs],
        "windows": [_window(name) for name in recommendation.windows],
        "sources": [_source(source) for source in recommendation.sources],
        "statements": list(recommendation.statements),
        "support": [{"tag": tag, **literature()[tag]} for tag in recommendation.support],
        "evidenceNotes": list(recommendation.evidence_notes),
        "sourcesDisagree": recommendation.sources_disagree,
        "limits": recommendation.limits,
        "lastChecked": recommendation.last_checked,
    }


def _variant(name: str, variant: Variant) -> JsonObject:
    reasons = yaml_file("override_reasons.yaml")["reasons"]
    return {
        "name": name,
        "indicator": variant.indicator.value,
        "summary": neutral(variant.summary),
        "why": neutral(variant.why),
        "options": list(variant.options),
        "overrideReasons": [reasons[each]["display"] for each in variant.override_reasons],
    }


def _window(name: str) -> JsonObject:
    number = parameters()[name]
    return {
        "name": name,
        "value": number.value,
        "unit": number.unit,
        "shown": f"{shown(number.value)} {_UNITS.get(number.unit, number.unit)}".strip(),
        "meaning": number.meaning,
        "reference": number.reference,
        "lastChecked": number.last_checked,
    }


def _source(source: Source) -> JsonObject:
    entry = guidelines()[source.guideline]
    return {
        "guideline": source.guideline,
        "label": entry["label"],
        "part": source.part,
        "citation": entry["citation"],
        "year": entry.get("year"),
        "link": entry.get("link"),
        "grade": None if source.grade == "none" else source.grade,
        "gradeMeaning": entry["grades"][source.grade],
        "note": entry["note"],
    }


def statement_entries(known: Iterable[str]) -> list[JsonObject]:
    """Every statement of the source texts; `known` are the recommendations of this release."""
    here = frozenset(known)
    return [_statement(name, entry, here) for name, entry in statements().items()]


def statements() -> dict[str, dict[str, Any]]:
    """The source statements by number, as their file has them."""
    found: dict[str, dict[str, Any]] = yaml_file("statements.yaml")["statements"]
    return found


def _statement(name: str, entry: dict[str, Any], here: frozenset[str]) -> JsonObject:
    guideline = entry.get("guideline")
    return {
        "id": name,
        "sourceText": entry["text"],
        "source": guidelines()[guideline]["label"] if guideline else None,
        "grade": None if entry["grade"] == "none" else entry["grade"],
        "says": entry["says"],
        "recommendations": [each for each in entry["recommendations"] if each in here],
        "notInThisRelease": [each for each in entry["recommendations"] if each not in here],
        "reason": entry.get("reason"),
    }
