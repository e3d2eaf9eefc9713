"""The part of FHIR search that the published prefetch templates use, over a list of resources."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml

from tests.charts.vocabulary import ALIASES, JsonObject

NEEDS_FILE = Path(__file__).parents[2] / "hooks" / "values" / "needs.yaml"


@cache
def needs(hook: str) -> dict[str, JsonObject]:
    """The needs of a hook by prefetch key, from the published list."""
    listed = yaml.safe_load(NEEDS_FILE.read_text(encoding="utf-8"))["needs"]
    return {key: need for key, need in listed.items() if hook in need["hooks"]}


def filled(template: str, patient_id: str) -> str:
    """A template with the context token replaced."""
    return template.replace("{{context.patientId}}", patient_id)


def answer(resources: Iterable[JsonObject], query: str) -> JsonObject | list[JsonObject] | None:
    """The resource of an instance read (None where there is none), or the matches of a search."""
    parts = urlsplit(query)
    segments = parts.path.strip("/").split("/")
    if len(segments) == 2:
        found = (r for r in resources if [r["resourceType"], r.get("id")] == segments)
        return next(found, None)
    parameters = dict(parse_qsl(parts.query))
    return [r for r in resources if r["resourceType"] == segments[0] and _matches(r, parameters)]


def _matches(resource: JsonObject, parameters: dict[str, str]) -> bool:
    """Token parameters are honoured; `patient` is not, so that leaks of others are tested too."""
    checks = {"code": "code", "category": "category"}
    for name, element in checks.items():
        if name in parameters and not _has_token(resource.get(element), parameters[name]):
            return False
    return all(
        resource.get(name) in parameters[name].split(",")
        for name in ("status", "intent")
        if name in parameters
    )


def _has_token(value: Any, tokens: str) -> bool:
    """Whether a CodeableConcept (or list of them) has one of the `system|code` tokens."""
    concepts = value if isinstance(value, list) else [value or {}]
    names = {alias: system for system, alias in ALIASES.items()}
    held = {
        f"{names.get(coding.get('system'), coding.get('system'))}|{coding.get('code')}"
        for concept in concepts
        for coding in concept.get("coding", ())
    }
    return bool(held & set(tokens.split(",")))


def bundle(resources: list[JsonObject], base: str | None = None) -> JsonObject:
    """A searchset Bundle of all these resources; an empty one has no `entry`."""
    entries = [_entry(resource, base) for resource in resources]
    head: JsonObject = {"resourceType": "Bundle", "type": "searchset", "total": len(resources)}
    return head | ({"entry": entries} if entries else {})


def _entry(resource: JsonObject, base: str | None) -> JsonObject:
    """A Bundle entry, with fullUrl where the server is known."""
    url = {"fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}"} if base else {}
    return url | {"resource": resource}


SHAPING = ("_count", "_sort", "_page")
"""Parameters that only shape the answer."""
Plain = tuple[str, frozenset[tuple[str, str]]]


def plain(query: str, shaping: tuple[str, ...]) -> Plain:
    """A query without the parameters that only shape the answer."""
    parts = urlsplit(query)
    pairs = [(k, v) for k, v in parse_qsl(parts.query) if k not in shaping]
    return parts.path.strip("/"), frozenset(pairs)


def need_queries(key: str, patient_id: str, shaping: tuple[str, ...]) -> list[Plain]:
    """The query of a need and its fallbacks, in plain form."""
    need = needs("order-sign")[key]
    texts = (need["query"], *need.get("fallbacks", ()))
    return [plain(filled(text, patient_id), shaping) for text in texts]
