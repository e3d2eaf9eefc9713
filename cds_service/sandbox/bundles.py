"""Transaction and batch Bundles of the sandbox FHIR server.

A transaction is carried out completely or not at all, deletes first, then creates, then updates;
`urn:uuid:` references to created entries are replaced by their new ids.
Source: FHIR R4, RESTful API, batch/transaction. Conditional operations are not supported.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from cds_service.sandbox.outcome import FhirError, bad_request, not_supported
from cds_service.sandbox.repository import Repository
from cds_service.sandbox.writes import checked_resource, delete, put, served_type
from hooks.fhir import JsonObject

_ORDER = {"DELETE": 0, "POST": 1, "PUT": 2}
_CONDITIONS = ("ifMatch", "ifNoneMatch", "ifModifiedSince", "ifNoneExist")


def run_bundle(bundle: JsonObject, repository: Repository) -> JsonObject:
    """Carry out a Bundle; the response Bundle. Raises `FhirError` where a transaction fails."""
    kind = bundle.get("type")
    entries = bundle.get("entry") or []
    if kind not in ("transaction", "batch") or not isinstance(entries, list):
        raise bad_request("Only a Bundle of type transaction or batch can be posted here")
    answers = _transaction(entries, repository) if kind == "transaction" else None
    if answers is None:
        answers = [_batch_answer(entry, repository) for entry in entries]
    return {"resourceType": "Bundle", "type": f"{kind}-response", "entry": answers}


def _transaction(entries: list[Any], repository: Repository) -> list[JsonObject]:
    steps = [_step(entry) for entry in entries]
    ids = {full_url: target for full_url, target in map(_new_id, entries, steps) if full_url}
    answers: list[JsonObject] = [{} for _ in steps]
    with repository.transaction():
        for position in sorted(range(len(steps)), key=lambda i: _ORDER[steps[i][0]]):
            method, url = steps[position]
            target = ids.get(entries[position].get("fullUrl"), url) if method == "POST" else url
            resource = _linked(entries[position].get("resource"), ids)
            answers[position] = {"response": _carry_out(method, target, resource, repository)}
    return answers


def _batch_answer(entry: Any, repository: Repository) -> JsonObject:
    try:
        method, url = _step(entry)
        return {"response": _carry_out(method, url, entry.get("resource"), repository)}
    except FhirError as error:
        return {"response": {"status": str(error.status), "outcome": error.outcome()}}


def _step(entry: Any) -> tuple[str, str]:
    """Method and relative URL of an entry. Raises `FhirError` 400."""
    request = entry.get("request") if isinstance(entry, dict) else None
    request = request if isinstance(request, dict) else {}
    method, url = request.get("method"), request.get("url")
    if method not in _ORDER or not isinstance(url, str):
        raise bad_request("Every entry needs a request with method PUT, POST or DELETE and a url")
    if "?" in url or any(name in request for name in _CONDITIONS):
        raise not_supported("Conditional operations are not supported")
    return method, url.strip("/")


def _new_id(entry: JsonObject, step: tuple[str, str]) -> tuple[str | None, str]:
    """The `urn:uuid:` of an entry and the `Type/id` that it will have."""
    method, url = step
    full_url = entry.get("fullUrl")
    if not isinstance(full_url, str) or not full_url.startswith("urn:uuid:"):
        return None, url
    return full_url, f"{url}/{uuid.uuid4()}" if method == "POST" else url


def _linked(value: Any, ids: dict[str, str]) -> Any:
    """A copy in which references to entries of the same Bundle name their ids on this server."""
    if isinstance(value, list):
        return [_linked(part, ids) for part in value]
    if isinstance(value, dict):
        return dict(_linked_members(value, ids))
    return value


def _linked_members(value: JsonObject, ids: dict[str, str]) -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        is_reference = name == "reference" and isinstance(member, str)
        yield name, ids.get(member, member) if is_reference else _linked(member, ids)


def _carry_out(method: str, url: str, resource: Any, repository: Repository) -> JsonObject:
    kind, _, logical_id = url.partition("/")
    served_type(kind)
    if method == "DELETE":
        delete(repository, kind, logical_id)
        return {"status": "204 No Content"}
    if method == "POST" and not logical_id:
        stored = repository.create(kind, checked_resource(kind, resource))
        return _stored_answer(stored, is_new=True)
    if method == "POST":
        resource = {**checked_resource(kind, resource), "id": logical_id}
    return _stored_answer(*put(repository, kind, logical_id, resource))


def _stored_answer(stored: JsonObject, is_new: bool) -> JsonObject:
    version = stored["meta"]["versionId"]
    return {
        "status": "201 Created" if is_new else "200 OK",
        "location": f"{stored['resourceType']}/{stored['id']}/_history/{version}",
        "etag": f'W/"{version}"',
        "lastModified": stored["meta"]["lastUpdated"],
    }
