"""Calls of the CDS Hooks endpoints from inside the process.

They go through the whole application like a request from outside, so that the start page shows
exactly what an EHR gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from flask import current_app, request

from cds_service.clock import monotonic


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, body (None where it is no JSON) and duration of one call."""

    status: int
    body: Any
    milliseconds: float

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return 200 <= self.status < 300


def post(path: str, body: bytes) -> Answer:
    """POST JSON to a path of this application."""
    started = monotonic()
    response = current_app.test_client().post(
        path, base_url=request.url_root, data=body, content_type="application/json"
    )
    elapsed = (monotonic() - started) * 1000
    return Answer(response.status_code, _json(response.get_data()), elapsed)


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
