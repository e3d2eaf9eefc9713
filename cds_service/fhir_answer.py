"""What one JSON value says that should be a Bundle or a resource: entries, errors, next page.

Read leniently: what can be read counts, what cannot be read is counted and reported. An
OperationOutcome is an error only with an issue of severity `error` or `fatal` (or with none that
can be read); otherwise it is a remark. A Bundle inside a Bundle counts as its entries.
Source: clinical specification, section 1.9; FHIR R4 Bundle, OperationOutcome.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import msgspec

from hooks.fhir import JsonObject
from hooks.record import Reason, http_reason

_DEEPEST_BUNDLE = 4
_NO_ENTRY = ("Bundle", "OperationOutcome")
_SENT_ALONG = ("include", "outcome")
_REMARKS = ("warning", "information", "success")


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A resource, its type, what tells it apart, and the `fullUrl` of its Bundle entry.

    `key` is `Type/id`; a resource without id equals no other. `match` is false for what a server
    sent along: it does not count for the total.
    """

    kind: str
    key: str | int
    resource: JsonObject
    full_url: str | None
    match: bool


@dataclass(slots=True)
class Page:
    """One Bundle, or one resource, as read.

    `unreadable` counts entries that are no resource; `error` is the reason that an error
    OperationOutcome stands for; `next_link` the address of the next page ("" for one that is
    no text); `truncated` says that entries are missing from a Bundle inside this one.
    """

    is_bundle: bool = False
    entries: list[Entry] = field(default_factory=list)
    unreadable: int = 0
    error: str | None = None
    next_link: str | None = None
    total: int | None = None
    truncated: bool = False

    @property
    def reasons(self) -> frozenset[str]:
        """Why this page could not be read completely; following pages are not considered."""
        found = (
            self.error,
            Reason.UNREADABLE if self.unreadable else None,
            Reason.TRUNCATED if self.truncated else None,
        )
        return frozenset(str(reason) for reason in found if reason)


def is_resource(value: object) -> TypeGuard[JsonObject]:
    """Whether a JSON value is an object with a `resourceType`."""
    kind = value.get("resourceType") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind != ""


def read_page(value: object) -> Page | None:
    """The page that a JSON value holds; None where it is no resource."""
    if not is_resource(value):
        return None
    page = Page(is_bundle=value["resourceType"] == "Bundle")
    _take(value, {}, page, 0)
    return page


def _take(resource: JsonObject, entry: JsonObject, page: Page, depth: int) -> None:
    kind = resource["resourceType"]
    if kind == "OperationOutcome":
        if _is_error(resource):
            page.error = page.error or _error_reason(entry)
    elif kind != "Bundle":
        page.entries.append(_entry(kind, resource, entry))
    elif depth >= _DEEPEST_BUNDLE:
        page.unreadable += 1
    else:
        _take_bundle(resource, page, depth)


def _take_bundle(bundle: JsonObject, page: Page, depth: int) -> None:
    before = len(page.entries)
    for entry in _items(bundle.get("entry"), page):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not is_resource(resource):
            page.unreadable += 1
        elif (kind := resource["resourceType"]) in _NO_ENTRY:
            _take(resource, entry, page, depth + 1)
        else:
            page.entries.append(_entry(kind, resource, entry))
    next_link, total = _next_link(bundle, page), bundle.get("total")
    total = _count(total)
    if depth == 0:
        page.next_link, page.total = next_link, total
    elif next_link is not None or is_short(page.entries[before:], total):
        page.truncated = True


def _count(total: object) -> int | None:
    """A usable total: a number, also one with a decimal point."""
    if isinstance(total, bool) or not isinstance(total, int | float):
        return None
    return int(total) if abs(total) < 2**53 else None


def is_short(entries: list[Entry], total: int | None) -> bool:
    """Whether fewer different matches arrived than a Bundle says there are."""
    return bool(total) and (total or 0) > len({entry.key for entry in entries if entry.match})


def _entry(kind: str, resource: JsonObject, entry: JsonObject) -> Entry:
    own_id, full_url, search = resource.get("id"), entry.get("fullUrl"), entry.get("search")
    return Entry(
        kind,
        f"{kind}/{own_id}" if isinstance(own_id, str) and own_id else id(resource),
        resource,
        full_url if isinstance(full_url, str) else None,
        not isinstance(search, dict) or search.get("mode") not in _SENT_ALONG,
    )


def _next_link(bundle: JsonObject, page: Page) -> str | None:
    for link in _items(bundle.get("link"), page):
        if _object(link).get("relation") == "next":
            return _text(link.get("url")) or ""
    return None


def _items(value: object, page: Page) -> list[Any]:
    """The items of a list; an absent one is empty, anything else unreadable."""
    if isinstance(value, list):
        return value
    page.unreadable += value is not None
    return []


def _is_error(outcome: JsonObject) -> bool:
    issues = outcome.get("issue")
    if not isinstance(issues, list) or not issues:
        return True
    return any(_object(issue).get("severity") not in _REMARKS for issue in issues)


def _error_reason(entry: JsonObject) -> str:
    """`http-NNN` where a batch answer states a status, else `unreadable`."""
    status = re.match(r"[45]\d\d(?!\d)", str(_object(entry.get("response")).get("status")))
    return http_reason(int(status[0])) if status else Reason.UNREADABLE


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}
