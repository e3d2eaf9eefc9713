"""Searches of the sandbox FHIR server: query string in, searchset Bundle out.

Pages are found again by an opaque token that holds the query and an offset, so that any server
process can answer any page; the next link stays on the base path (`[base]?_getpages=…`).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from cds_service.sandbox.fhir_dates import element_interval
from cds_service.sandbox.filters import Test, local_reference, read_filter
from cds_service.sandbox.outcome import FhirError, bad_request, not_supported, unknown_type
from cds_service.sandbox.parameters import INCLUDES, PARAMETERS, ParameterKind, elements
from cds_service.sandbox.repository import Repository
from hooks.fhir import JsonObject

Pairs = Sequence[tuple[str, str]]
DEFAULT_COUNT = 50
MAX_COUNT = 200
_IGNORED = ("_format", "_pretty")
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SortKey:
    """One name of `_sort`; resources without the element come last in either direction."""

    path: str
    is_date: bool
    descending: bool

    def sorted(self, resources: Iterable[JsonObject]) -> list[JsonObject]:
        """The resources in this order; equal ones keep theirs."""
        pairs = [(self._value(resource), resource) for resource in resources]
        having = [pair for pair in pairs if pair[0] is not None]
        having.sort(key=lambda pair: str(pair[0]), reverse=self.descending)
        return [r for _, r in having] + [r for value, r in pairs if value is None]

    def _value(self, resource: JsonObject) -> str | None:
        for value in elements(resource, self.path):
            found = element_interval(value) if self.is_date else None
            if found is not None:
                return found.start.isoformat()
            if not self.is_date:
                return str(value)
        return None


@dataclass(frozen=True, slots=True)
class Search:
    """A checked query for one resource type."""

    kind: str
    pairs: Pairs
    tests: tuple[Test, ...]
    sort: tuple[SortKey, ...]
    includes: tuple[str, ...]
    count: int


def read_search(kind: str, pairs: Pairs, base: str) -> Search:
    """Check a query. Raises `FhirError`: 404 unknown type, 400 anything not understood."""
    if kind not in PARAMETERS:
        raise unknown_type()
    own = {"_count", "_sort", "_include", *_IGNORED}
    return Search(
        kind,
        pairs,
        tuple(read_filter(kind, name, value, base) for name, value in pairs if name not in own),
        tuple(key for value in _values(pairs, "_sort") for key in _sort_keys(kind, value)),
        tuple(_include(kind, value) for value in _values(pairs, "_include")),
        _count(_values(pairs, "_count")),
    )


def run_search(search: Search, repository: Repository, base: str, offset: int = 0) -> JsonObject:
    """The page that starts at `offset`, with total, self link, next link and includes."""
    found = [r for r in repository.all(search.kind) if all(test(r) for test in search.tests)]
    for key in reversed(search.sort):
        found = key.sorted(found)
    page = found[offset : offset + search.count]
    links = [{"relation": "self", "url": self_link(search, base)}]
    if search.count and offset + search.count < len(found):
        token = _token(search, offset + search.count)
        links.append({"relation": "next", "url": f"{base}?_getpages={token}"})
    entries = [_entry(resource, "match", base) for resource in page]
    entries += [_entry(r, "include", base) for r in _included(search, page, repository, base)]
    bundle: JsonObject = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    return {**bundle, "link": links, **({"entry": entries} if entries else {})}


def run_page(token: str, repository: Repository, base: str) -> JsonObject:
    """The page behind a next link. Raises `FhirError` 410 where the token is not one of ours."""
    try:
        kind, pairs, offset = json.loads(base64.urlsafe_b64decode(token.encode()))
        search = read_search(str(kind), [(str(n), str(v)) for n, v in pairs], base)
        if not isinstance(offset, int) or offset < 0:
            raise ValueError("no offset")
    except (ValueError, TypeError, binascii.Error, FhirError) as error:
        raise FhirError(410, "not-found", "That page is not available") from error
    return run_search(search, repository, base, offset)


def self_link(search: Search, base: str) -> str:
    """The URL of the search as it was understood."""
    query = urlencode([(n, v) for n, v in search.pairs if n not in _IGNORED], safe=",:/|")
    return f"{base}/{search.kind}" + (f"?{query.replace('|', '%7C')}" if query else "")


def _values(pairs: Pairs, name: str) -> list[str]:
    return [value for key, value in pairs if key == name]


def _count(values: list[str]) -> int:
    if not values:
        return DEFAULT_COUNT
    if not values[-1].isascii() or not values[-1].isdigit():
        raise bad_request("_count is no whole number of 0 or more")
    return min(int(values[-1][:9]), MAX_COUNT)


def _sort_keys(kind: str, value: str) -> list[SortKey]:
    keys = []
    for name in value.split(","):
        parameter = PARAMETERS[kind].get(name.removeprefix("-"))
        is_date = parameter is not None and parameter.kind is ParameterKind.DATE
        if parameter is None or not (is_date or parameter.name == "_id"):
            raise not_supported(f"_sort knows only _id and the date parameters of {kind}")
        keys.append(SortKey(parameter.path, is_date, name.startswith("-")))
    return keys


def _include(kind: str, value: str) -> str:
    if value not in INCLUDES or not value.startswith(f"{kind}:"):
        raise not_supported(f"_include knows only {', '.join(INCLUDES)}")
    return INCLUDES[value]


def _token(search: Search, offset: int) -> str:
    text = json.dumps([search.kind, list(search.pairs), offset], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def _entry(resource: JsonObject, mode: str, base: str) -> JsonObject:
    url = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def _included(
    search: Search, page: list[JsonObject], repository: Repository, base: str
) -> list[JsonObject]:
    wanted = dict.fromkeys(
        local_reference(reference, base)
        for resource in page
        for element in search.includes
        for reference in elements(resource, f"{element}.reference")
        if isinstance(reference, str)
    )
    found = map(repository.find, wanted)
    return [resource for resource in found if resource is not None]
