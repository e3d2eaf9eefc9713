"""The resources of one patient, collected from pages: whose they are, duplicates, readability.

A resource counts only if it names the patient of the call; everything else is set aside and
counted. The same type and id received twice counts once: the copy with the later
`meta.lastUpdated` (else the higher `meta.versionId`, where both state one), otherwise the first.
A resource whose needed elements have the wrong JSON type is set aside, and its category failed.
Source: data elements, section 1.1; clinical specification, section 1.9.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar, cast

from cds_service.allowance import MOST_RESOURCES
from cds_service.fhir_answer import Entry, Page
from cds_service.fhir_version import is_newer
from hooks.fhir import (
    RESOURCE_TYPES,
    JsonObject,
    Resource,
    read_alike,
)
from hooks.readings.subject import is_about, subject_reference
from hooks.record import Failure, Reason

R = TypeVar("R", bound=Resource)

BY_REFERENCE = ("Medication", "Specimen")
"""The types that other resources point to and facts read through that reference."""

_WITHOUT_SUBJECT = ("Patient", "Medication")


@dataclass(slots=True)
class Sorted:
    """The types of the resources on a page, those of other patients left out.

    `types` counts the unreadable ones too; `foreign` says that something was set aside.
    """

    types: set[str]
    foreign: bool = False


class Chart:
    """What was received about one patient; `failures` names each unreadable category.

    `bases` are the spellings of the FHIR server of the call, under which absolute references of
    its resources lie.
    """

    def __init__(self, patient_id: str, bases: Iterable[str] = ()) -> None:
        self.patient_id = patient_id
        self.foreign = 0
        self.unreadable = 0
        self.failures: set[Failure] = set()
        self._bases: tuple[str | None, ...] = tuple(dict.fromkeys(bases)) or (None,)
        self._raw: dict[str | int, JsonObject] = {}
        self._read: defaultdict[str, dict[str | int, Resource]] = defaultdict(dict)
        self._by_url: dict[str, tuple[str, str | int]] = {}

    def add(self, page: Page, local: frozenset[str] | None = None) -> Sorted:
        """Sort one page in; says what of it counts. `local` is that of the page unless given."""
        result = Sorted(set())
        self.unreadable += page.unreadable
        if local is None:
            local = local_patients(page.entries, self.patient_id)
        verdicts: dict[str | None, bool] = {}
        for entry, read in zip(page.entries, _structs(page.entries), strict=True):
            if self._sort(entry, read, local, verdicts):
                result.types.add(entry.kind)
            else:
                result.foreign = True
                self.foreign += 1
        return result

    def is_about(self, raw: JsonObject, local: frozenset[str] = frozenset()) -> bool:
        """Whether a resource is about the patient; `local` as in `local_patients`.

        Without a patient nothing is, but Medications are about nobody.
        """
        if not self.patient_id:
            return bool(raw["resourceType"] == "Medication")
        return any(is_about(raw, self.patient_id, base, local) for base in self._bases)

    def resources(self) -> dict[str, tuple[Resource, ...]]:
        """What counts, by type, in the order received."""
        return {kind: tuple(found.values()) for kind, found in self._read.items()}

    def of(self, kind: type[R]) -> tuple[R, ...]:
        """What counts of one type, in the order received."""
        return cast("tuple[R, ...]", tuple(self._read.get(kind.__name__, {}).values()))

    def has(self, kind: str) -> bool:
        """Whether a readable resource of this type was received."""
        return bool(self._read.get(kind))

    def find(self, kind: str, reference: str) -> Resource | None:
        """What a literal reference points to: an entry by its `fullUrl`, or by type and id."""
        found_kind, key = self._by_url.get(reference, (kind, ""))
        if not key and (own_id := self.local_id(kind, reference)):
            key = f"{kind}/{own_id}"
        return self._read.get(kind, {}).get(key) if found_kind == kind else None

    def local_id(self, kind: str, reference: str) -> str | None:
        """The id in `Type/id`, or in an absolute reference to the FHIR server of the call."""
        path = reference.split("/_history/", 1)[0]
        if "://" in path:
            path = next((_under(base, path) for base in self._bases if _under(base, path)), "")
        owner, _, own_id = path.rpartition("/")
        return own_id if owner == kind and own_id else None

    def referable(self, kind: str) -> dict[str, Any]:
        """All resources of one type by the references that may be used for them."""
        read = self._read.get(kind, {})
        by_url = {url: read[key] for url, (of, key) in self._by_url.items() if of == kind}
        return by_url | {f"{kind}/{found.id}": found for found in read.values() if found.id}

    def _sort(
        self,
        entry: Entry,
        read: Resource | None,
        local: frozenset[str],
        verdicts: dict[str | None, bool],
    ) -> bool:
        """Take one entry in; False for a resource that is not about the patient.

        `read` is None for an unreadable one. `verdicts` remembers what subjects mean on one page,
        where most are the same.
        """
        kind, raw = entry.kind, entry.resource
        if kind in _WITHOUT_SUBJECT:
            subject, about = None, self.is_about(raw, local)
        else:
            subject = subject_reference(raw)
            if subject not in verdicts:
                verdicts[subject] = self.is_about(raw, local)
            about = verdicts[subject]
        if kind not in RESOURCE_TYPES:
            return about or subject is None
        if about:
            self._keep(entry, read)
        elif kind not in _WITHOUT_SUBJECT and _has_odd_subject(raw):
            self._set_aside(kind)
            return True
        return about

    def _keep(self, entry: Entry, read: Resource | None) -> None:
        kind, key, raw = entry.kind, entry.key, entry.resource
        known = self._raw.get(key)
        if known is None and len(self._raw) >= MOST_RESOURCES:
            self.failures.add(Failure(kind, Reason.TOO_LARGE))
        elif known is None or is_newer(raw, known):
            if read is None:
                self._set_aside(kind)
                return
            if _is_subsetted(raw):
                self.failures.add(Failure(kind, Reason.TRUNCATED))
            self._raw[key] = raw
            self._read[kind][key] = read
        if entry.full_url and kind in BY_REFERENCE:
            self._by_url.setdefault(entry.full_url, (kind, key))

    def _set_aside(self, kind: str) -> None:
        self.unreadable += 1
        self.failures.add(Failure(kind, Reason.UNREADABLE))


def _structs(entries: Iterable[Entry]) -> Iterator[Resource | None]:
    """What facts read of each entry; see `read_alike`."""
    for kind, alike in groupby(entries, attrgetter("kind")):
        yield from read_alike(kind, [entry.resource for entry in alike])


def _is_subsetted(raw: JsonObject) -> bool:
    """Whether the server says that it left elements out; what is there counts (FHIR R4, search)."""
    meta = raw.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    if not isinstance(tags, list):
        return False
    return any(isinstance(tag, dict) and tag.get("code") == "SUBSETTED" for tag in tags)


def local_patients(entries: Iterable[Entry], patient_id: str) -> frozenset[str]:
    """The `urn:` full URLs that mean the patient of the call within one Bundle."""
    return frozenset(
        entry.full_url
        for entry in entries
        if entry.kind == "Patient"
        and entry.resource.get("id") == patient_id
        and entry.full_url
        and entry.full_url.startswith("urn:")
    )


def _has_odd_subject(raw: JsonObject) -> bool:
    """Whether `subject` or `patient` is there but cannot be read (wrong JSON type)."""
    for member in ("subject", "patient"):
        value = raw.get(member)
        if value is not None and not isinstance(value, dict):
            return True
        if isinstance(value, dict) and not isinstance(value.get("reference"), str | None):
            return True
    return False


def _under(base: str | None, url: str) -> str:
    """The part of an absolute URL after the base; without a base, its last two segments."""
    if base is None:
        return "/".join(url.split("/")[-2:])
    start = base.rstrip("/") + "/"
    return url.removeprefix(start) if url.startswith(start) else ""
