"""A chart in a file -> the hook call that an EHR would make with it.

The file is taken as the complete chart: every need of the service counts as asked and answered.
Without a file the call names a FHIR server instead and brings nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_service import strict_json
from cds_service.errors import BodyUnreadable
from cds_service.hook_call import ORDER_SIGN
from hooks import Service
from hooks.fhir import JsonObject


class ChartFileError(ValueError):
    """The file or the options cannot be used; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True)
class ChartFile:
    """The entries of a chart (None: not from a file), the draft orders, and the patient's id."""

    entries: list[JsonObject] | None
    orders: list[JsonObject]
    patient: str

    @classmethod
    def read(cls, bundle: Path | None, orders: Path | None, patient: str | None) -> ChartFile:
        """Read the files. Raises `ChartFileError`."""
        entries = None if bundle is None else _entries(bundle)
        drafts = _entries(orders) if orders else [e for e in entries or [] if _is_draft(e)]
        rest = None if entries is None else [e for e in entries if e not in drafts]
        return cls(rest, drafts, patient or _only_patient(entries or []))

    def call(self, service: Service, server: str | None, token: str | None) -> JsonObject:
        """The body of the hook call. Raises `ChartFileError` if there is no order to sign."""
        context: JsonObject = {"userId": "Practitioner/command-line", "patientId": self.patient}
        if service.hook == ORDER_SIGN:
            if not self.orders:
                raise ChartFileError("there is no draft order to evaluate")
            context["draftOrders"] = {"resourceType": "Bundle", "entry": self.orders}
        body = {"hook": service.hook, "hookInstance": "command-line", "context": context}
        if self.entries is None:
            return body | _access(server, token)
        answered: JsonObject = {need.key: None for need in service.needs}
        chart = {"resourceType": "Bundle", "type": "collection", "entry": self.entries}
        return body | {"prefetch": answered | {"chart": chart}}


def _access(server: str | None, token: str | None) -> JsonObject:
    access: JsonObject = {"fhirServer": server}
    if token:
        access["fhirAuthorization"] = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": 60,
            "scope": "patient/*.read",
            "subject": "lm-cds",
        }
    return access


def _entries(file: Path) -> list[JsonObject]:
    """The entries of a Bundle, or one entry for any other resource."""
    try:
        content = strict_json.loads(file.read_bytes())
    except BodyUnreadable as problem:
        raise ChartFileError(f"{file}: {problem.text}") from None
    if not isinstance(content, dict) or "resourceType" not in content:
        raise ChartFileError(f"{file}: a FHIR Bundle is expected")
    if content["resourceType"] != "Bundle":
        return [{"resource": content}]
    entries: Any = content.get("entry") or []
    if not isinstance(entries, list):
        raise ChartFileError(f"{file}: entry is not a list")
    return entries


def _resource(entry: Any) -> JsonObject:
    resource = entry.get("resource") if isinstance(entry, dict) else None
    return resource if isinstance(resource, dict) else {}


def _is_draft(entry: Any) -> bool:
    resource = _resource(entry)
    return (resource.get("resourceType"), resource.get("status")) == ("MedicationRequest", "draft")


def _only_patient(entries: list[JsonObject]) -> str:
    ids = {
        resource.get("id")
        for resource in map(_resource, entries)
        if resource.get("resourceType") == "Patient"
    }
    if len(ids) != 1 or not isinstance(found := ids.pop(), str):
        raise ChartFileError(
            "the chart does not hold exactly one Patient with an id: give --patient"
        )
    return found
