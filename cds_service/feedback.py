"""Body of a feedback call -> what may be stored of it (CDS Hooks 2.0.1, Feedback).

Lenient where real clients differ: `overrideReasons` (one or a list) beside `overrideReason`,
reasons without system or display, several items for one card, repeats. A body that breaks the
rules is refused as a whole, so that nothing is stored half.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from cds_service import strict_json
from cds_service.clock import instant
from cds_service.errors import FeedbackMalformed
from cds_service.schemas import validator
from hooks.fhir import JsonObject

MAX_BODY_BYTES = 64 * 1024
MAX_COMMENT_CHARACTERS = 1000
MAX_ID_CHARACTERS = 200
OVERRIDDEN = "overridden"


@dataclass(frozen=True, slots=True)
class Feedback:
    """One outcome of one card; `at` is the client's `outcomeTimestamp` in UTC.

    `reasons` pairs system and code of each override reason; `digest` tells two different
    messages about the same card and time apart.
    """

    card: str
    outcome: str
    at: datetime
    suggestions: tuple[str, ...]
    reasons: tuple[tuple[str | None, str], ...]
    comment: str | None
    digest: str


def parse(body: bytes) -> tuple[Feedback, ...]:
    """All items of a feedback body. Raises `BodyUnreadable` or `FeedbackMalformed`."""
    message = strict_json.loads(body)
    if not validator("feedback", "feedback").is_valid(message):
        raise FeedbackMalformed
    return tuple(_item(entry) for entry in message["feedback"])


def _item(entry: JsonObject) -> Feedback:
    at = instant(entry["outcomeTimestamp"])
    if at is None:
        raise FeedbackMalformed
    overridden = entry["outcome"] == OVERRIDDEN
    given = list(_reason_objects(entry)) if overridden else []
    accepted = [] if overridden else entry["acceptedSuggestions"]
    return Feedback(
        card=_storable(entry["card"])[:MAX_ID_CHARACTERS],
        outcome=entry["outcome"],
        at=at,
        suggestions=tuple(_storable(each["id"])[:MAX_ID_CHARACTERS] for each in accepted),
        reasons=tuple(dict.fromkeys(found for each in given if (found := _reason(each)))),
        comment=_comment(given),
        digest=hashlib.sha256(orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)).hexdigest(),
    )


def _reason_objects(entry: JsonObject) -> Iterator[JsonObject]:
    for name in ("overrideReason", "overrideReasons"):
        value = entry.get(name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield each


def _reason(given: JsonObject) -> tuple[str | None, str] | None:
    """System and code of `{"reason": Coding}`, or of a bare Coding as some clients send it."""
    stated = given.get("reason", given)
    coding = stated if isinstance(stated, dict) else {"code": stated}
    code = _identifier(coding.get("code"))
    return (_identifier(coding.get("system")), code) if code else None


def _identifier(value: Any) -> str | None:
    """A short text as it may be stored; None for anything that holds no text."""
    if not isinstance(value, str) or not value.strip():
        return None
    return _storable(value)[:MAX_ID_CHARACTERS]


def _storable(text: str) -> str:
    # PostgreSQL cannot hold the NUL character.
    return text.replace("\x00", "")


def _comment(given: list[JsonObject]) -> str | None:
    texts: list[Any] = [each.get("userComment") for each in given]
    comments = [text for text in texts if isinstance(text, str) and text.strip()]
    return _storable("\n".join(comments))[:MAX_COMMENT_CHARACTERS] or None
