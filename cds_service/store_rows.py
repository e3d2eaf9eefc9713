"""What the store writes and reads, as plain rows: times, card items, feedback."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from cds_service.feedback import Feedback
from hooks import Card, Dismissal


def items_text(card: Card) -> str:
    """The items of a card as JSON text: recommendation, indicator, fingerprint."""
    return _json(
        [
            {
                "recommendation": item.recommendation,
                "indicator": str(item.indicator),
                "fingerprint": item.fingerprint,
            }
            for item in card.items
        ]
    )


def dismissals(items: str, at: str) -> list[Dismissal]:
    """The dismissals that one overridden card stands for; a merged card dismisses all members."""
    time = datetime.fromisoformat(at)
    return [
        Dismissal(item["recommendation"], item["fingerprint"], time) for item in orjson.loads(items)
    ]


def feedback_row(
    service: str, client: str, item: Feedback, issued: Mapping[Any, Any] | None, now: datetime
) -> dict[str, str]:
    """The row of one feedback item received at `now` about an issued card (None: unknown).

    A dismissal counts from the client's time, or from `now` where that time is still to come.
    """
    key = _json([service, client, item.card, item.outcome, utc_text(item.at), item.digest])
    return {
        "event": hashlib.sha256(key.encode()).hexdigest(),
        "service": service,
        "client": client,
        "card": item.card,
        "status": "unknown" if issued is None else "known",
        "outcome": item.outcome,
        "outcome_at": utc_text(item.at),
        "received_at": utc_text(now),
        "effective_at": utc_text(min(item.at, now)),
        "items": issued["items"] if issued else "[]",
        "suggestions": _json(item.suggestions),
        "reasons": _json(item.reasons),
    }


def dismissal_row(row: Mapping[str, str], issued: Mapping[Any, Any]) -> dict[str, str]:
    """What the row of a feedback item dismisses: the items of an issued card."""
    copied = {name: issued[name] for name in ("subject_key", "items", "issued_at")}
    return {"event": row["event"], "effective_at": row["effective_at"], **copied}


def report(row: Mapping[Any, Any], comments: bool) -> dict[str, Any]:
    """One stored feedback item for people and programs; the comment only where asked for."""
    told = {
        "service": row["service"],
        **({"client": row["client"]} if row["client"] else {}),
        "card": row["card"],
        "known": row["status"] == "known",
        "outcome": row["outcome"],
        "outcomeTimestamp": row["outcome_at"],
        "receivedAt": row["received_at"],
        "items": orjson.loads(row["items"]),
        "acceptedSuggestions": orjson.loads(row["suggestions"]),
        "overrideReasons": [
            {"system": system, "code": code} for system, code in orjson.loads(row["reasons"])
        ],
    }
    return told | ({"userComment": row["comment"]} if comments else {})


def utc_text(time: datetime) -> str:
    """A time as UTC text of one fixed form, which sorts as the times do."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
