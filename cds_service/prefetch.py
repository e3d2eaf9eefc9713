"""Prefetched values -> resources by type, whatever their key, and what is still to be asked.

EHRs name their keys as they like, so resources count under every key. A key says something about
completeness only where it is one of ours: data of its type, null, an empty Bundle or a remark
answer the need; an absent key, an error, an odd value or resources of other types only leave it
open. A readable Patient of the call answers the Patient need under any key, another patient's
never does. A remaining `next` link under a key of ours is handed on to be followed. Where a client
declares that keys of its own together hold all of a type, these answer it once all of them came.
Source: data elements, section 1.7; clinical specification, section 1.9; CDS Hooks 2.0.1, Prefetch.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cds_service.chart import Chart, Sorted
from cds_service.fhir_answer import Page, is_resource, read_page
from cds_service.fhir_search import only_page
from hooks.fhir import JsonObject
from hooks.record import DataNeed, Failure

_SUCCESS = re.compile(r"2\d\d(?!\d)")
_PATIENT = "Patient"


@dataclass(slots=True)
class Prefetched:
    """What the prefetch leaves to do: needs to ask, and first pages whose next is to be read."""

    open: list[DataNeed] = field(default_factory=list)
    paged: list[tuple[DataNeed, Page]] = field(default_factory=list)
    failures: set[Failure] = field(default_factory=set)


def read_prefetch(
    prefetch: Mapping[str, Any],
    needs: Iterable[DataNeed],
    chart: Chart,
    declared: Mapping[str, Iterable[str]] | None = None,
) -> Prefetched:
    """Put everything that was prefetched into the chart; say what is still to be asked.

    `declared` maps a resource type to the keys of the client that together hold all of it.
    """
    pages = {key: _page(value) for key, value in prefetch.items()}
    held = {key: chart.add(page) for key, page in pages.items() if page}
    left = Prefetched()
    for need in needs:
        page = pages.get(need.key)
        if page is None or not _answered(need, page, held[need.key], chart):
            theirs = tuple((declared or {}).get(need.resource_type, ()))
            known = need.resource_type == _PATIENT and chart.has(_PATIENT)
            if not known and not _all_answer(theirs, need, pages, held, chart):
                left.open.append(need)
        elif page.next_link is not None:
            left.paged.append((need, page))
        else:
            reasons = only_page(page).reasons
            left.failures |= {Failure(need.resource_type, reason) for reason in reasons}
    return left


def _answered(need: DataNeed, page: Page, held: Sorted, chart: Chart) -> bool:
    """Whether the value under the key of a need answers it (completely or not)."""
    if page.error:
        return False
    if need.resource_type == _PATIENT and (held.types or held.foreign):
        return chart.has(_PATIENT)
    if not held.types:
        return page.is_bundle or not held.foreign
    return need.resource_type in held.types


def _all_answer(
    keys: Collection[str],
    need: DataNeed,
    pages: Mapping[str, Page | None],
    held: Mapping[str, Sorted],
    chart: Chart,
) -> bool:
    """Whether all these keys of the client came, whole and readable, and answer a need."""
    found = [(page, held[key]) for key in keys if (page := pages.get(key)) is not None]
    return len(found) == len(keys) > 0 and all(
        _answered(need, page, sorted_in, chart)
        and page.next_link is None
        and not only_page(page).reasons
        for page, sorted_in in found
    )


def _page(value: Any) -> Page | None:
    """The page of one prefetched value; None for a value that leaves its need open."""
    if _is_wrapped(value):
        if not _SUCCESS.match(str(value["response"].get("status"))):
            return None
        value = value["resource"]
    return Page() if value is None else read_page(value)


def _is_wrapped(value: Any) -> bool:
    """Whether a value is of the form `{response, resource}` that clients sent before 1.0."""
    if not isinstance(value, dict) or is_resource(value):
        return False
    wrapped: JsonObject = value
    return "resource" in wrapped and isinstance(wrapped.get("response"), dict)
