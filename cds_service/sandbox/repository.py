"""The resources of the sandbox FHIR server, in the memory of this process.

Stored resources are never changed in place, only replaced, so that a reader needs the lock only
while it takes its list. Each server process has its own copy: nobody else sees its writes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import RLock

from cds_service.sandbox.outcome import FhirError, deleted, unknown_id
from hooks.fhir import JsonObject

MAX_RESOURCES = 50_000
"""Upper limit of what one process keeps, so that a test client cannot fill its memory."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One resource with its version number; `fixture` while it is an untouched test patient."""

    resource: JsonObject
    version: int
    fixture: bool = False


Shelf = dict[str, Stored]


class Repository:
    """Resources by type and id. All methods may be called from several threads."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = RLock()
        self._shelves: dict[str, Shelf] = {}
        self._deleted: dict[tuple[str, str], int] = {}

    def all(self, kind: str) -> tuple[JsonObject, ...]:
        """Every resource of one type, in the order in which they were stored first."""
        with self._lock:
            return tuple(stored.resource for stored in self._shelves.get(kind, {}).values())

    def count(self) -> int:
        """How many resources are stored."""
        with self._lock:
            return sum(map(len, self._shelves.values()))

    def read(self, kind: str, logical_id: str) -> JsonObject:
        """One resource. Raises `FhirError` 404 for an unknown and 410 for a deleted id."""
        with self._lock:
            stored = self._shelves.get(kind, {}).get(logical_id)
            if stored is not None:
                return stored.resource
            raise deleted(kind) if (kind, logical_id) in self._deleted else unknown_id(kind)

    def find(self, reference: str) -> JsonObject | None:
        """The resource that `Type/id` names, or None."""
        kind, _, logical_id = reference.partition("/")
        with self._lock:
            stored = self._shelves.get(kind, {}).get(logical_id)
            return None if stored is None else stored.resource

    def create(self, kind: str, resource: JsonObject) -> JsonObject:
        """Store under a new id; the stored resource."""
        return self.update(kind, str(uuid.uuid4()), resource)[0]

    def update(self, kind: str, logical_id: str, resource: JsonObject) -> tuple[JsonObject, bool]:
        """Store under this id; the stored resource, and whether the id is new (or was deleted)."""
        with self._lock:
            is_new = logical_id not in self._shelves.get(kind, {})
            if is_new and self.count() >= MAX_RESOURCES:
                raise FhirError(507, "too-costly", "This sandbox holds no more resources")
            return self._put(kind, logical_id, resource, fixture=False), is_new

    def delete(self, kind: str, logical_id: str) -> bool:
        """Delete; whether there was something to delete. Deleting twice is no error."""
        with self._lock:
            stored = self._shelves.get(kind, {}).pop(logical_id, None)
            if stored is not None:
                self._deleted[kind, logical_id] = stored.version + 1
            return stored is not None

    def put_fixture(self, kind: str, logical_id: str, resource: JsonObject) -> None:
        """Store a test patient's resource, unless a client has changed or deleted it."""
        with self._lock:
            stored = self._shelves.get(kind, {}).get(logical_id)
            touched = (kind, logical_id) in self._deleted or not (stored is None or stored.fixture)
            if not touched:
                self._put(kind, logical_id, resource, fixture=True)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock; on an error everything is as it was before."""
        with self._lock:
            shelves = {kind: dict(shelf) for kind, shelf in self._shelves.items()}
            gone = dict(self._deleted)
            try:
                yield
            except BaseException:
                self._shelves, self._deleted = shelves, gone
                raise

    def _put(
        self, kind: str, logical_id: str, resource: JsonObject, *, fixture: bool
    ) -> JsonObject:
        shelf = self._shelves.setdefault(kind, {})
        before = shelf.get(logical_id)
        version = before.version if before else self._deleted.pop((kind, logical_id), 0)
        stored = self._stamped(kind, logical_id, resource, version + 1)
        shelf[logical_id] = Stored(stored, version + 1, fixture)
        return stored

    def _stamped(
        self, kind: str, logical_id: str, resource: JsonObject, version: int
    ) -> JsonObject:
        meta = resource.get("meta")
        stamp = {
            **(meta if isinstance(meta, dict) else {}),
            "versionId": str(version),
            "lastUpdated": self._now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        rest = {k: v for k, v in resource.items() if k not in ("resourceType", "id", "meta")}
        return {"resourceType": kind, "id": logical_id, "meta": stamp, **rest}
