"""Entries of `context.draftOrders` -> draft orders, whatever their status.

Every MedicationRequest becomes a draft order; so does an entry that cannot be read, because it may
hide one. Medications and ServiceRequests (radiotherapy or nitrous oxide that is being ordered in
the same call) join the chart, where orders find them; orders of other types are ignored.
Source: clinical specification, sections 1.9 and 4; data elements, section 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import msgspec

from cds_service.chart import Chart, local_patients
from cds_service.fhir_answer import Entry, Page, read_page
from hooks.fhir import JsonObject, read_or_none
from hooks.readings.concepts import well_formed
from hooks.readings.subject import subject_reference
from hooks.record import DraftOrder

MOST_ENTRIES = 5_000
"""Entries looked at in one call; one that is unreadable stands for those behind them."""
MOST_ORDERS = 150
"""Orders evaluated in one call: each is compared with each other one."""
_NO_ORDERS = frozenset({"Bundle", "OperationOutcome"})
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
"""What the name of a FHIR type looks like; what has another one cannot be told to be no order."""


def read_drafts(entries: Sequence[Any], chart: Chart) -> tuple[DraftOrder, ...]:
    """The draft orders of a call; its Medications and ServiceRequests join the chart.

    Without a patient in the context an order belongs to nobody else.
    """
    if len(entries) > MOST_ENTRIES:
        entries = [*entries[:MOST_ENTRIES], None]
    pages = [_page(entry) for entry in entries]
    readable = [entry for page in pages if page for entry in page.entries]
    beside = [_owned(e, chart) for e in readable if e.kind in ("Medication", "ServiceRequest")]
    local = local_patients(readable, chart.patient_id)
    chart.add(Page(entries=beside), local)
    orders = (_order(position, page, chart, local) for position, page in enumerate(pages, 1))
    return _bounded(order for order in orders if order)


def _bounded(orders: Iterable[DraftOrder]) -> tuple[DraftOrder, ...]:
    """The first orders, and one unreadable order that stands for all others."""
    given = tuple(islice(orders, MOST_ORDERS + 1))
    if len(given) <= MOST_ORDERS:
        return given
    return (*given[:-1], DraftOrder(given[-1].label, raw={}, resource=None))


def _owned(entry: Entry, chart: Chart) -> Entry:
    """A draft without a subject is one of the patient of the call."""
    if entry.kind == "Medication" or _subject(entry.resource):
        return entry
    subject = {"reference": f"Patient/{chart.patient_id}"}
    return msgspec.structs.replace(entry, resource={**entry.resource, "subject": subject})


def _subject(raw: JsonObject) -> str:
    """The reference that names a subject; empty for one that names nobody."""
    text = (subject_reference(raw) or "").strip().rstrip("/")
    return "" if text == "Patient" else text


def _page(entry: Any) -> Page | None:
    """One entry as a page of its own; None for one that cannot be an order or a Medication."""
    page = read_page({"resourceType": "Bundle", "entry": [entry]})
    if page is None or page.reasons:
        return None
    kind = entry["resource"]["resourceType"]
    return page if _TYPE.fullmatch(kind) and kind not in _NO_ORDERS else None


def _order(
    position: int, page: Page | None, chart: Chart, local: frozenset[str]
) -> DraftOrder | None:
    entry = page.entries[0] if page else None
    if entry and entry.kind != "MedicationRequest":
        return None
    return DraftOrder(
        label=_label(position, entry),
        raw=entry.resource if entry else {},
        resource=read_or_none(entry.resource) if entry else None,
        another_patient=bool(entry and _names_another(entry.resource, chart, local)),
    )


def _names_another(raw: JsonObject, chart: Chart, local: frozenset[str]) -> bool:
    subject = _subject(raw)
    if not subject or chart.patient_id == "":
        return False
    return not chart.is_about({**raw, "subject": {"reference": subject}}, local)


def _label(position: int, entry: Entry | None) -> str:
    """`MedicationRequest/id` for an id that may be printed; else the position."""
    own_id = entry.resource.get("id") if entry else None
    if well_formed(own_id):
        return f"MedicationRequest/{own_id}"
    return f"draft order {position}"
