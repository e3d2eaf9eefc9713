"""Recommendation files: one YAML file per recommendation, checked when it is loaded.

A file that does not fit stops the start with its name, the place and what is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import orjson

from hooks.answer import Indicator
from hooks.facts.fact import FACTS, question
from hooks.values import yaml_file, yaml_value
from hooks.values.parameters import parameters

PLACEHOLDER = re.compile(r"\{(\w+)\}")
RESERVED_SUGGESTIONS = frozenset({"delete-order", "update-dose", "update-route", "update-note"})


@dataclass(frozen=True, slots=True)
class Source:
    """A guideline by file name, with the grade it gives and what part of it is meant."""

    guideline: str
    grade: str
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Variant:
    """One wording of a recommendation, with its indicator."""

    indicator: Indicator
    summary: str
    why: str
    options: tuple[str, ...]
    suggestions: tuple[str, ...]
    stale_suggestions: tuple[str, ...]
    override_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One recommendation as its file states it; `id` is the name of the file."""

    id: str
    title: str
    question: str
    short_name: str
    status: str
    sources: tuple[Source, ...]
    statements: tuple[str, ...]
    support: tuple[str, ...]
    last_checked: str
    inputs: tuple[str, ...]
    windows: tuple[str, ...]
    evidence_notes: tuple[str, ...]
    explanation: str
    applies_when: dict[str, tuple[str, ...]] | None
    variants: dict[str, Variant]
    suggestions_by_unknown: dict[str, tuple[str, ...]]
    limits: str | None
    sources_disagree: str | None
    examples: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The recommendations of one hook, in catalogue order, and how its cards are laid out."""

    recommendations: dict[str, Recommendation]
    card_limit: int
    by_indicator: bool
    evidence: dict[str, tuple[str, ...]]


class BadRecommendation(ValueError):
    """A recommendation file that cannot be used; the text names file, place and remedy."""


@cache
def _validator(needs_examples: bool) -> jsonschema.Draft202012Validator:
    path = resources.files("hooks.engine") / "recommendation.schema.json"
    schema = orjson.loads(path.read_bytes())
    if not needs_examples:
        schema["required"].remove("examples")
    return jsonschema.Draft202012Validator(schema)


def _variant(content: dict[str, Any]) -> Variant:
    return Variant(
        indicator=Indicator(content["indicator"]),
        summary=content["summary"],
        why=" ".join(content["why"].split()),
        options=tuple(content["options"]),
        suggestions=tuple(content["suggestions"]),
        stale_suggestions=tuple(content.get("stale_suggestions", ())),
        override_reasons=tuple(content.get("override_reasons", ())),
    )


def parse(name: str, content: dict[str, Any], *, needs_examples: bool = True) -> Recommendation:
    """A recommendation from the content of its file. Raises `BadRecommendation`."""
    for error in _validator(needs_examples).iter_errors(content):
        raise BadRecommendation(f"{name}.yaml, {error.json_path}: {error.message}")
    applies_when = content.get("applies_when")
    found = Recommendation(
        id=name,
        title=content["title"],
        question=content["question"],
        short_name=content["short_name"],
        status=content["status"],
        sources=tuple(
            Source(s["guideline"], s["grade"], s.get("part")) for s in content["sources"]
        ),
        statements=tuple(content["statements"]),
        support=tuple(content["support"]),
        last_checked=content["last_checked"],
        inputs=tuple(content["inputs"]),
        windows=tuple(content["windows"]),
        evidence_notes=tuple(content["evidence_notes"]),
        explanation=" ".join(content["explanation"].split()),
        applies_when={k: tuple(v) for k, v in applies_when.items()} if applies_when else None,
        variants={key: _variant(value) for key, value in content["variants"].items()},
        suggestions_by_unknown={
            key: tuple(value) for key, value in content.get("suggestions_by_unknown", {}).items()
        },
        limits=_line(content.get("limits")),
        sources_disagree=_line(content.get("sources_disagree")),
        examples=tuple(content.get("examples", ())),
    )
    _check_names(found)
    return found


def _line(text: str | None) -> str | None:
    return " ".join(text.split()) if text else None


def _unknown_names(found: Recommendation) -> list[str]:
    """Names in a file that nothing defines."""
    suggestions = {*yaml_file("suggestions.yaml")["suggestions"], *RESERVED_SUGGESTIONS}
    reasons = yaml_file("override_reasons.yaml")["reasons"]
    facts = [name for group in (found.applies_when or {}).values() for name in group]
    variants = found.variants.values()
    offered = {n for v in variants for n in (*v.suggestions, *v.stale_suggestions)}
    offered.update(name for names in found.suggestions_by_unknown.values() for name in names)
    return [
        *(f"no fact is called {name}" for name in facts if name not in FACTS),
        *(f"no fact is called {name}" for name in found.inputs if not question(name)),
        *(f"no literature has the tag {tag}" for tag in found.support if tag not in literature()),
        *(f"no window is called {name}" for name in found.windows if name not in parameters()),
        *(f"no suggestion is called {name}" for name in sorted(offered - suggestions)),
        *(
            f"no override reason is called {name}"
            for variant in variants
            for name in variant.override_reasons
            if name not in reasons
        ),
        *(
            f"no guideline is called {source.guideline}"
            for source in found.sources
            if source.guideline not in guidelines()
        ),
    ]


def _check_names(found: Recommendation) -> None:
    for problem in _unknown_names(found):
        raise BadRecommendation(f"{found.id}.yaml: {problem}")


@cache
def guidelines() -> dict[str, dict[str, Any]]:
    """All guidelines by file name: label, citation, year and link."""
    folder = resources.files("hooks") / "guidelines"
    return {
        entry.name.removesuffix(".yaml"): yaml_value(entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    }


def literature() -> dict[str, dict[str, str]]:
    """What each support tag stands for: what was read, and a link where there is one."""
    references: dict[str, dict[str, str]] = yaml_file("literature.yaml")["references"]
    return references


def load_catalogue(package: str) -> Catalogue:
    """The recommendation files beside a hook's rules, in the order of its `_catalogue.yaml`."""
    folder = resources.files(package)
    layout = yaml_value((folder / "_catalogue.yaml").read_text(encoding="utf-8"))
    found = {
        name: parse(name, yaml_value((folder / f"{name}.yaml").read_text(encoding="utf-8")))
        for name in layout["priority"]
    }
    files = {e.name.removesuffix(".yaml") for e in folder.iterdir() if e.name.endswith(".yaml")}
    for name in sorted(files - set(found)):
        if not name.startswith("_"):
            raise BadRecommendation(f"{name}.yaml: add it to {package}/_catalogue.yaml")
    evidence = {name: tuple(facts) for name, facts in layout.get("evidence", {}).items()}
    return Catalogue(found, layout["card_limit"], layout["by_indicator"], evidence)
