"""Cards of the guideline logic -> the body of the HTTP answer.

Adds the uuids that feedback needs, leaves out every null and empty member, and lets no suggestion
out whose resource is not valid R4B: such a suggestion is dropped and counted, its card stays
(CDS Hooks 2.0.1, CDS Service Response; no null, no empty element except `cards: []`).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cds_service import fhir_r4b
from cds_service.catalogue import page_url
from hooks import Card
from hooks.fhir import JsonObject

_HOLDERS = (dict, list, tuple)
_CAN_BE_EMPTY = (str, dict, list)


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """The body to send, the uuid of each card in it, and how many suggestions were dropped."""

    body: JsonObject
    issued: tuple[tuple[str, Card], ...]
    dropped_suggestions: int


def build(cards: Sequence[Card], base: str | None = None) -> HookAnswer:
    """The answer of a hook call with these cards, in their order.

    `base` is the URL below which the pages of the catalogue are; without it no card links there.
    """
    finished = [_finish(_linked(card.body, base)) for card in cards]
    bodies = [body for body, _ in finished]
    return HookAnswer(
        body={"cards": bodies},
        issued=tuple(zip((body["uuid"] for body in bodies), cards, strict=True)),
        dropped_suggestions=sum(dropped for _, dropped in finished),
    )


def _linked(body: JsonObject, base: str | None) -> JsonObject:
    """The card with the URL of the static page about its topic (source.url, no patient data)."""
    if not base:
        return body
    source: JsonObject = body["source"]
    url = page_url(base, source["topic"]["code"])
    return {**body, "source": {"label": source["label"], "url": url, "topic": source["topic"]}}


def _finish(body: JsonObject) -> tuple[JsonObject, int]:
    """One card with uuids and without empties, and the number of suggestions left out."""
    card = without_empties(body)
    offered = card.pop("suggestions", [])
    behaviour = card.pop("selectionBehavior", "any")
    valid = [{"uuid": _new_uuid(), **each} for each in offered if _is_sound(each)]
    if valid:
        card |= {"suggestions": valid, "selectionBehavior": behaviour}
    return {"uuid": _new_uuid(), **card}, len(offered) - len(valid)


def _is_sound(suggestion: JsonObject) -> bool:
    return all(_is_valid(action) for action in suggestion.get("actions", []))


def _is_valid(action: JsonObject) -> bool:
    resource = action.get("resource")
    if resource is None:
        return True
    judge = fhir_r4b.is_valid_draft if action.get("type") == "create" else fhir_r4b.is_valid
    return judge(resource)


def without_empties(value: Any) -> Any:
    """The value without members and items that are null or empty, at any depth."""
    if isinstance(value, dict):
        return {k: found for k, v in value.items() if (found := _within(v)) or _says(found)}
    if isinstance(value, list | tuple):
        return [found for item in value if (found := _within(item)) or _says(found)]
    return value


def _within(value: Any) -> Any:
    return without_empties(value) if isinstance(value, _HOLDERS) else value


def _says(value: Any) -> bool:
    """Whether a value that Python takes for false says something: false or zero."""
    return value is not None and not isinstance(value, _CAN_BE_EMPTY)


def _new_uuid() -> str:
    return str(uuid.uuid4())
