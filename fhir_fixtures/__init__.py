"""Made-up test patients as FHIR R4 Bundles, and CDS Hooks requests about them.

Every date in the files is relative to `REFERENCE_DATE`; `shift` moves a Bundle to another day.
Nothing here needs a web framework, the network or the clock. See README.md for the patients.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

import orjson

JsonObject: TypeAlias = dict[str, Any]
Search: TypeAlias = Callable[[str], JsonObject | None]
"""Answers a FHIR query relative to the base, such as `Condition?patient=x`."""

REFERENCE_DATE = date(2026, 1, 15)
"""The day that counts as today in the files."""

USER = "Practitioner/sandbox-clinician"
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(T\d\d:\d\d.*)?", re.ASCII)
_NAMESPACE = uuid.UUID("6f0f4a52-3f1c-5d0e-9b5e-2f6f8f2f4f10")


@dataclass(frozen=True, slots=True)
class Story:
    """One test patient: who it is, and what each service answers on the reference day.

    `expected` maps a service id to its (recommendation id, indicator) pairs; a service that is
    missing there has nothing to be asked (no draft orders).
    """

    name: str
    who: str
    shows: str
    expected: Mapping[str, tuple[tuple[str, str], ...]]


@cache
def stories() -> tuple[Story, ...]:
    """All stories, in the order in which they are best read."""
    listed = _read("stories.json")["stories"]
    return tuple(
        Story(
            entry["name"],
            entry["who"],
            entry["shows"],
            {service: tuple(map(tuple, pairs)) for service, pairs in entry["expected"].items()},
        )
        for entry in listed
    )


def load(story: str) -> JsonObject:
    """The transaction Bundle of a story (PUT entries), dated relative to `REFERENCE_DATE`.

    Raises `LookupError` for an unknown story.
    """
    bundle: JsonObject = _read(f"patients/{_known(story)}/bundle.json")
    return bundle


def draft_orders(story: str) -> JsonObject | None:
    """The unsigned orders of a story as a collection Bundle; None where it has none."""
    if not _path(f"patients/{_known(story)}/draft_orders.json").is_file():
        return None
    bundle: JsonObject = _read(f"patients/{story}/draft_orders.json")
    return bundle


def patient_id(story: str) -> str:
    """The logical id of the story's Patient."""
    entries = load(story)["entry"]
    return next(
        str(entry["resource"]["id"])
        for entry in entries
        if entry["resource"]["resourceType"] == "Patient"
    )


def shift(value: Any, to: date, since: date = REFERENCE_DATE) -> Any:
    """A copy in which every FHIR date, dateTime and instant lies as far from `to` as from `since`.

    All dates move by the same number of whole days, times of day and zones stay. Birth dates move
    too, so that ages stay right. Dates without a day (2025, 2025-06) cannot be moved and stay.
    """
    return _moved(value, to - since)


def hook_request(
    story: str,
    hook: str,
    at: date = REFERENCE_DATE,
    *,
    templates: Mapping[str, str] | None = None,
    search: Search | None = None,
    fhir_server: str | None = None,
) -> JsonObject:
    """The CDS Hooks request of an EHR about a story on the day `at`.

    With `templates` (prefetch templates by key, as published) and `search` the request carries
    prefetch: each template is filled in and answered by `search`. The `hookInstance` is the same
    each time for the same story and hook. Raises `LookupError` for order-sign without orders.
    """
    patient = patient_id(story)
    body: JsonObject = {
        "hook": hook,
        "hookInstance": str(uuid.uuid5(_NAMESPACE, f"{hook}/{story}")),
        "context": {"userId": USER, "patientId": patient, **_orders(story, hook, at)},
    }
    if fhir_server:
        body["fhirServer"] = fhir_server
    if templates is not None and search is not None:
        body["prefetch"] = {
            key: search(template.replace("{{context.patientId}}", patient))
            for key, template in templates.items()
        }
    return body


def readme_row(story: Story) -> str:
    """The line of README.md about a story, as a Markdown table row."""
    return f"| {story.name} | {story.who} | {story.shows} | {_fires(story)} |"


def _fires(story: Story) -> str:
    found = [
        f"{identifier} {indicator}"
        for pairs in story.expected.values()
        for identifier, indicator in pairs
    ]
    return ", ".join(found) or "nothing"


def _orders(story: str, hook: str, at: date) -> JsonObject:
    if hook != "order-sign":
        return {}
    orders = draft_orders(story)
    if orders is None:
        raise LookupError("this story has no draft orders")
    return {"draftOrders": shift(orders, at)}


def _moved(value: Any, by: timedelta) -> Any:
    if isinstance(value, dict):
        return {key: _moved(member, by) for key, member in value.items()}
    if isinstance(value, list):
        return [_moved(member, by) for member in value]
    found = _DAY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    return (date.fromisoformat(found[1]) + by).isoformat() + (found[2] or "")


def _known(story: str) -> str:
    if not any(known.name == story for known in stories()):
        raise LookupError("unknown story")
    return story


def _path(name: str) -> Any:
    return resources.files("fhir_fixtures").joinpath(name)


def _read(name: str) -> Any:
    return orjson.loads(_path(name).read_bytes())
