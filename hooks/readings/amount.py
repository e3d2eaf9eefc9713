"""How much of a record can be read in the time of a call; the rest is named, never passed over.

Reading takes time in proportion to what there is to read. An ordinary resource is short; long
reports, notes and lists share one allowance, in the order received, the draft orders first. What
is beyond it is set aside, and its resource type failed as `too-large`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

import msgspec

from hooks.fhir import Attachment, DiagnosticReport, Resource
from hooks.readings.reports import is_text
from hooks.record import DraftOrder, Failure, PatientRecord, Reason

R = TypeVar("R", bound=Resource)

SHORT = 1_000
"""Bytes of JSON up to which a resource costs nothing."""
MOST_OF_ORDERS = 250_000
"""Bytes beyond `SHORT` that the draft orders of a call may have together."""
MOST = 500_000
"""The same for all other resources of a call."""
_LINE = 10
"""Bytes that a line end counts for: a line costs as much as some words."""
_ELEMENT = 40
"""Bytes that an element counts for, also an empty one: each is looked at."""
_ENCODER = msgspec.json.Encoder()


def size(resource: Resource) -> int:
    """Bytes of what facts may read of a resource; attachments that nobody reads do not count."""
    if isinstance(resource, DiagnosticReport) and resource.presented_form:
        attached = sum(_weight(attachment) for attachment in resource.presented_form)
        return attached + size(msgspec.structs.replace(resource, presented_form=None))
    return _counted(_ENCODER.encode(resource))


def _counted(encoded: bytes) -> int:
    return len(encoded) + _LINE * encoded.count(b"\\n") + _ELEMENT * encoded.count(b"{")


def _weight(attachment: Attachment) -> int:
    return len(attachment.data or "") if is_text(attachment) else 0


class _Allowance:
    """What may still be read."""

    def __init__(self, most: int) -> None:
        self.left = most

    def takes(self, resource: Resource) -> bool:
        """Whether a resource can be read too; then it is counted."""
        excess = max(0, size(resource) - SHORT)
        fits = excess <= self.left
        self.left -= excess if fits else 0
        return fits


def within_reach(record: PatientRecord) -> PatientRecord:
    """The record without what is too much to read, which is named as failed or unreadable."""
    if record.drafts:
        record = replace(record, drafts=_orders(record.drafts))
    if _excess_of_all(record.resources) <= MOST:
        return record
    allowance = _Allowance(MOST)
    kept = {
        kind: tuple(each for each in found if allowance.takes(each))
        for kind, found in record.resources.items()
    }
    cut = {kind for kind, found in record.resources.items() if len(kept[kind]) < len(found)}
    left = {id(each) for found in kept.values() for each in found}
    return replace(
        record,
        resources=kept,
        failures=tuple(
            sorted({*record.failures, *(Failure(kind, Reason.TOO_LARGE) for kind in cut)})
        ),
        medications=_those(record.medications, left),
        specimens=_those(record.specimens, left),
    )


def _excess_of_all(resources: Mapping[str, tuple[Resource, ...]]) -> int:
    """Bytes of all resources beyond `SHORT`, measured much faster than one by one.

    Only reports go one by one, because of attachments that nobody reads.
    """
    kind = DiagnosticReport.__name__
    reports = _excess(size(report) for report in resources.get(kind, ()))
    others = [each for name, found in resources.items() if name != kind for each in found]
    encoded = _ENCODER.encode_lines(others)
    # Every escape as a line end: one byte is found much faster than two.
    most = len(encoded) + _LINE * encoded.count(b"\\") + _ELEMENT * encoded.count(b"{")
    fits = reports + most <= MOST
    return reports + (most if fits else _excess(map(_counted, encoded.splitlines())))


def _excess(sizes: Iterable[int]) -> int:
    return sum(max(0, each - SHORT) for each in sizes)


def _orders(drafts: Iterable[DraftOrder]) -> tuple[DraftOrder, ...]:
    allowance = _Allowance(MOST_OF_ORDERS)
    return tuple(
        draft
        if draft.resource is None or allowance.takes(draft.resource)
        else replace(draft, raw={}, resource=None)
        for draft in drafts
    )


def _those(found: Mapping[str, R], left: set[int]) -> dict[str, R]:
    return {reference: each for reference, each in found.items() if id(each) in left}
