"""What a user of the start page did with a card, as a CDS Hooks feedback message (2.0.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from hooks.fhir import JsonObject


def feedback_body(form: Mapping[str, str], now: datetime) -> JsonObject:
    """The body of the feedback call: a suggestion accepted, or the card overridden."""
    item: JsonObject = {
        "card": form.get("card", ""),
        "outcomeTimestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if form.get("suggestion"):
        item |= {"outcome": "accepted", "acceptedSuggestions": [{"id": form["suggestion"]}]}
    else:
        item |= {"outcome": "overridden", **_reason(form.get("reason", ""))}
    return {"feedback": [item]}


def _reason(choice: str) -> JsonObject:
    """An override reason that the form gives as `system|code`."""
    system, _, code = choice.rpartition("|")
    return {"overrideReason": {"reason": {"code": code, "system": system}}} if code else {}
