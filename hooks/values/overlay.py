"""The overlay of a site: a checked document -> `Site`.

The document lists value sets of the same shape as ours, by the id of the value set that their
codes join. Codes are only added. What could mislead is refused: an unknown id, a code that
already means something else, a code that cannot be searched for where results are searched by
code.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import jsonschema
import orjson

from hooks.fhir import Coding
from hooks.site import Declaration, Site, Statement
from hooks.values import file_names, yaml_file
from hooks.values.codes import memberships, normalised
from hooks.values.parameters import limit

Pair = tuple[str, str]
Place = str
_SEARCHABLE = re.compile(r"[A-Za-z0-9:/._~-]+")
_REMEDIES = {
    "type": "write text in quotes, and lists and members as in the example",
    "required": "add it",
    "additionalProperties": "remove it, or correct its name; codes can only be added, one by one",
    "pattern": "correct it",
}


class BadSiteFile(ValueError):
    """A site file that cannot be used; the text names the place and the remedy."""


def site_of(document: Any) -> Site:
    """The site that a document describes. Raises `BadSiteFile`."""
    for error in _validator().iter_errors(document):
        remedy = _REMEDIES.get(str(error.validator), "see the example file")
        raise BadSiteFile(f"{error.json_path}: {error.message}; {remedy}")
    for problem in (*_unknown_sets(document), *_conflicts(document), *_not_searchable(document)):
        raise BadSiteFile(problem)
    codes: dict[Pair, tuple[str, ...]] = {}
    for _, name, pair in _entries(document):
        codes[pair] = tuple(dict.fromkeys((*codes.get(pair, ()), name)))
    return Site(codes, tuple(_declarations(document)), _version(document))


@cache
def _validator() -> jsonschema.Draft202012Validator:
    path = resources.files("hooks.values") / "site.schema.json"
    return jsonschema.Draft202012Validator(orjson.loads(path.read_bytes()))


def _version(document: Any) -> str:
    """Twelve hex digits over the content; comments and the order of members change nothing."""
    canonical = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()[:12]


def _entries(document: Any) -> Iterator[tuple[Place, str, Pair]]:
    """Every code with its place in the document and the value set that it joins."""
    for i, value_set in enumerate(document.get("value_sets", ())):
        for j, include in enumerate(value_set["compose"]["include"]):
            for k, concept in enumerate(include["concept"]):
                place = f"$.value_sets[{i}].compose.include[{j}].concept[{k}]"
                pair = normalised(Coding(include["system"], concept["code"]))
                yield place, value_set["id"], pair


def _unknown_sets(document: Any) -> Iterator[str]:
    known = [file.removesuffix(".json") for file in file_names("value_sets", ".json")]
    for i, value_set in enumerate(document.get("value_sets", ())):
        if value_set["id"] not in known:
            yield (
                f"$.value_sets[{i}].id: there is no value set of this name; "
                "use the file name of one in hooks/values/value_sets"
            )


def sides() -> Mapping[str, list[list[str]]]:
    """The groups of value sets of which a code may be in one side only."""
    groups: dict[str, list[list[str]]] = yaml_file("exclusive_sets.yaml")["groups"]
    return groups


def _contradiction(names: set[str]) -> tuple[str, list[str]] | None:
    """The group in which a code would mean two things, and the value sets concerned."""
    for group, members in sides().items():
        met = [names & set(side) for side in members if names & set(side)]
        if len(met) > 1:
            return group, sorted(set().union(*met))
    return None


def _conflicts(document: Any) -> Iterator[str]:
    meant: dict[Pair, set[str]] = {}
    for place, name, pair in _entries(document):
        names = meant.setdefault(pair, set(memberships(Coding(*pair))))
        names.add(name)
        found = _contradiction(names)
        if found:
            yield (
                f"{place}: the code would mean two things ({found[0]}: {', '.join(found[1])}); "
                "leave it in one of them"
            )


def _searches() -> dict[str, Any]:
    """The queries that list codes, by key."""
    rows = yaml_file("needs.yaml")["needs"]
    return {key: row for key, row in rows.items() if "value_sets" in row}


def _not_searchable(document: Any) -> Iterator[str]:
    """Results are searched by code, in an address of limited length."""
    lengths = {key: len(row["query"]) for key, row in _searches().items()}
    for place, name, (system, code) in _entries(document):
        for key in (key for key, row in _searches().items() if name in row["value_sets"]):
            if not _SEARCHABLE.fullmatch(system + code):
                allowed = "letters, digits and : / . _ ~ -"
                yield f"{place}: the code cannot be searched for; it may hold {allowed}"
            lengths[key] += len(f",{system}%7C{code}")
            if lengths[key] > limit("search_characters"):
                yield f"{place}: the search {key} would be too long for servers; map fewer codes"


def _declarations(document: Any) -> Iterator[Declaration]:
    for name, entry in document.get("declarations", {}).items():
        try:
            on = date.fromisoformat(entry["date"])
        except ValueError:
            raise BadSiteFile(
                f"$.declarations.{name}.date: there is no such day; write it as 2026-11-21"
            ) from None
        if entry["declared"]:
            yield Declaration(Statement(name), entry["by"], on)
