"""What a client may store on the sandbox FHIR server.

Only what the server itself needs is checked (type and id); resources are not validated, so that
odd records can be loaded for tests.
"""

from __future__ import annotations

import re
from typing import Any

from cds_service.sandbox.outcome import bad_request, unknown_type
from cds_service.sandbox.parameters import PARAMETERS
from cds_service.sandbox.repository import Repository
from hooks.fhir import JsonObject

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def served_type(kind: str) -> str:
    """The type, if this server serves it. Raises `FhirError` 404."""
    if kind not in PARAMETERS:
        raise unknown_type()
    return kind


def checked_id(logical_id: str) -> str:
    """The id, if it is a FHIR id. Raises `FhirError` 400."""
    if not _ID.fullmatch(logical_id):
        raise bad_request("An id has 1 to 64 letters, digits, hyphens and dots")
    return logical_id


def checked_resource(kind: str, resource: Any) -> JsonObject:
    """The resource, if it is one of this type. Raises `FhirError` 400."""
    if not isinstance(resource, dict) or resource.get("resourceType") != kind:
        raise bad_request(f"The body is no {kind} resource")
    return resource


def put(
    repository: Repository, kind: str, logical_id: str, resource: Any
) -> tuple[JsonObject, bool]:
    """Store under the id of the URL; the stored resource, and whether it is new."""
    checked = checked_resource(served_type(kind), resource)
    if checked.get("id") != checked_id(logical_id):
        raise bad_request("The id of the resource must be that of the URL")
    return repository.update(kind, logical_id, checked)


def delete(repository: Repository, kind: str, logical_id: str) -> bool:
    """Delete; whether there was something to delete."""
    return repository.delete(served_type(kind), checked_id(logical_id))
