"""CDS Hooks request bodies for a chart."""

from __future__ import annotations

from typing import Literal

from tests.charts.build import Chart
from tests.charts.search import answer, bundle, filled, needs
from tests.charts.vocabulary import JsonObject

Mode = Literal["prefetch", "server", "mixed"]
MODES: tuple[Mode, ...] = ("prefetch", "server", "mixed")


def request(
    chart: Chart,
    hook: str,
    mode: Mode,
    server: str | None = None,
    leave_out: frozenset[str] = frozenset(),
) -> JsonObject:
    """The body of one call.

    `prefetch`: all keys, empty ones as empty Bundle or null; `server`: none, everything is asked
    at `server`; `mixed`: every other key. `leave_out` names keys that the client does not send.
    """
    body: JsonObject = {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": _context(chart, hook),
    }
    if server:
        body["fhirServer"] = server
    if mode != "server":
        body["prefetch"] = prefetch(chart, hook, mode, leave_out)
    return body


def _context(chart: Chart, hook: str) -> JsonObject:
    """The context of the hook."""
    context: JsonObject = {"userId": "Practitioner/example", "patientId": chart.patient_id}
    if hook == "order-sign":
        if chart.draft_orders is None:
            raise ValueError("an order-sign case needs an order")
        context["draftOrders"] = chart.draft_orders
    return context


def prefetch(chart: Chart, hook: str, mode: Mode, leave_out: frozenset[str]) -> JsonObject:
    """The prefetch object; in mixed mode only every other key."""
    keys = [key for key in needs(hook) if key not in leave_out]
    chosen = keys[::2] if mode == "mixed" else keys
    return {key: _value(chart, hook, key, number) for number, key in enumerate(chosen)}


def _value(chart: Chart, hook: str, key: str, number: int) -> JsonObject | None:
    """The answer under one key: a resource, a Bundle, or null for some empty answers."""
    found = answer(chart.resources, filled(needs(hook)[key]["query"], chart.patient_id))
    if isinstance(found, list):
        return None if not found and number % 2 else bundle(found)
    return found
