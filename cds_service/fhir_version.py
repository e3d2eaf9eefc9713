"""Which of two copies of a resource is newer (FHIR R4 Resource.meta).

The later `lastUpdated` decides, else the higher `versionId`, where both copies state one.
"""

from __future__ import annotations

from datetime import datetime

from hooks.fhir import JsonObject


def is_newer(raw: JsonObject, known: JsonObject) -> bool:
    """Whether a copy of a resource is newer than another one; False where it cannot be told."""
    meta, other = raw.get("meta"), known.get("meta")
    if not isinstance(meta, dict) or not isinstance(other, dict):
        return False
    updated, before = _instant(meta.get("lastUpdated")), _instant(other.get("lastUpdated"))
    if updated and before and updated != before:
        return updated > before
    version, previous = meta.get("versionId"), other.get("versionId")
    return _number(version) > _number(previous) >= 0


def _instant(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def _number(value: object) -> int:
    """A version number; -1 for a version that is none."""
    usable = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19
    return int(str(value)) if usable else -1
