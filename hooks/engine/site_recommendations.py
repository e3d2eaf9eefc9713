"""Recommendations that a site adds to a hook: files of the same shape as ours, decided by facts.

They come after ours and can neither replace nor change one. Only facts that our own
recommendations of the hook use may decide: the data of any other fact are not asked for on this
hook, and what was not looked at must not be taken for absent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import orjson

from hooks.engine.recommendation import (
    PLACEHOLDER,
    BadRecommendation,
    Catalogue,
    Recommendation,
    parse,
)
from hooks.fhir import JsonObject
from hooks.site import NOTHING_ADDED, Additions

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_ID = 60


def with_added(catalogue: Catalogue, added: Mapping[str, Any]) -> Catalogue:
    """The catalogue with these recommendations, content by id, after its own in order of their ids.

    Raises `BadRecommendation`.
    """
    own = catalogue.recommendations
    asked = frozenset(name for each in own.values() for name in each.inputs)
    more = {name: _checked(name, added[name], asked) for name in sorted(added)}
    return replace(catalogue, recommendations={**own, **more})


def additions(by_hook: Mapping[str, Mapping[str, JsonObject]]) -> Additions:
    """The recommendations of a site with twelve hex digits over their content."""
    if not any(by_hook.values()):
        return NOTHING_ADDED
    canonical = orjson.dumps(by_hook, option=orjson.OPT_SORT_KEYS)
    return Additions(by_hook, hashlib.sha256(canonical).hexdigest()[:12])


def _checked(name: str, content: Any, asked: frozenset[str]) -> Recommendation:
    if not _ID.fullmatch(name) or len(name) > _LONGEST_ID:
        expected = f"small letters, digits and single hyphens, at most {_LONGEST_ID}"
        raise BadRecommendation(f"{name}.yaml: the name is the id: {expected}")
    found = parse(name, content, needs_examples=False)
    for problem in _misfits(found, found.applies_when or {}, asked):
        raise BadRecommendation(f"{name}.yaml, {problem}")
    return found


def _misfits(
    found: Recommendation, groups: Mapping[str, Iterable[str]], asked: frozenset[str]
) -> Iterator[str]:
    """What a file may hold that only a rule of ours could serve."""
    if found.status != "active":
        yield "$.status: what is in the folder is shown; take it out until it is active"
    if not groups:
        yield "$: applies_when is needed; there is no rule for it"
    for fact in (fact for group in groups.values() for fact in group):
        if fact not in asked:
            told = f"no recommendation of this hook uses the fact {fact}"
            yield f"$.applies_when: {told}, so its data are not asked for"
    if len(found.variants) > 1:
        yield "$.variants: facts decide between yes and no; keep one"
    for name, variant in found.variants.items():
        if PLACEHOLDER.search(variant.summary + variant.why):
            yield f"$.variants.{name}: nothing would fill a placeholder; write the words"
