"""Work-up that is already ordered (data elements, section 3.5, orders)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from hooks.answer import Evidence
from hooks.fhir import ServiceRequest
from hooks.readings.concepts import CONDITION_CUES, evidence, text_of
from hooks.readings.dates import days_ago, moment, within
from hooks.readings.text import says
from hooks.values.codes import all_matches
from hooks.values.lexicon import names
from hooks.values.parameters import window

_INTENTS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_TESTS = ("lumbar-puncture", "order-mri-brain", "order-mri-spine")


@dataclass(frozen=True, slots=True)
class Ordered:
    """Evidence of a recent active order of lumbar puncture and of MRI of the whole neuraxis."""

    lumbar_puncture: Evidence | None
    neuraxis_mri: Evidence | None


def _named(request: ServiceRequest) -> frozenset[str]:
    coded = all_matches(_TESTS, request.code)
    if coded:
        return frozenset(coded)
    text = text_of(request.code)
    named = {test for test in _TESTS if says(text, test, CONDITION_CUES)}
    if names(text, "order-mri-neuraxis") and "order-mri-spine" in named:
        named.add("order-mri-brain")
    return frozenset(named)


def _is_recent(request: ServiceRequest, today: date) -> bool:
    """A current order for action, authored inside the window."""
    current = request.status == "active" and request.intent in _INTENTS
    days = days_ago(moment(request.authored_on), today)
    return current and not request.do_not_perform and within(days, window("ordered_days"))


def read_orders(requests: Iterable[ServiceRequest], today: date) -> Ordered:
    """What of the work-up is ordered; brain and whole spine may come in separate requests."""
    found: dict[str, Evidence] = {}
    for request in requests:
        if _is_recent(request, today):
            for test in _named(request):
                source = evidence(request, "ordered", None, moment(request.authored_on))
                found.setdefault(test, source)
    both = "order-mri-brain" in found and "order-mri-spine" in found
    return Ordered(found.get("lumbar-puncture"), found["order-mri-spine"] if both else None)
