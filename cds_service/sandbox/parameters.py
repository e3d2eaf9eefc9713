"""Which resource types the sandbox FHIR server serves, and by which parameters they are searched.

Names and kinds are those of FHIR R4; a path names the element that a parameter looks at, where
a name that ends in `[x]` stands for a choice of types.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hooks.fhir import JsonObject


class ParameterKind(StrEnum):
    """Search parameter types of FHIR R4 that this server knows."""

    TOKEN = "token"  # noqa: S105 (a search parameter type, not a secret)
    REFERENCE = "reference"
    DATE = "date"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of one resource type."""

    name: str
    kind: ParameterKind
    path: str
    target: str | None = None


def _token(name: str, path: str | None = None) -> Parameter:
    return Parameter(name, ParameterKind.TOKEN, path or name)


def _date(name: str, path: str) -> Parameter:
    return Parameter(name, ParameterKind.DATE, path)


def _string(name: str, path: str) -> Parameter:
    return Parameter(name, ParameterKind.STRING, path)


_SUBJECT = (
    Parameter("patient", ParameterKind.REFERENCE, "subject", "Patient"),
    Parameter("subject", ParameterKind.REFERENCE, "subject"),
)
_PATIENT = (Parameter("patient", ParameterKind.REFERENCE, "patient", "Patient"),)
_CLINICAL = (
    _token("clinical-status", "clinicalStatus"),
    _token("verification-status", "verificationStatus"),
)
_CODE = _token("code")
_STATUS = _token("status")
_CATEGORY = _token("category")
_ID = _token("_id", "id")

_BY_TYPE: dict[str, tuple[Parameter, ...]] = {
    "Patient": (
        _token("identifier"),
        _token("gender"),
        _date("birthdate", "birthDate"),
        _string("family", "name.family"),
        _string("given", "name.given"),
        _string("name", "name"),
    ),
    "Condition": (
        *_SUBJECT,
        *_CLINICAL,
        _CODE,
        _CATEGORY,
        _date("onset-date", "onset[x]"),
        _date("recorded-date", "recordedDate"),
    ),
    "Observation": (*_SUBJECT, _CODE, _CATEGORY, _STATUS, _date("date", "effective[x]")),
    "DiagnosticReport": (*_SUBJECT, _CODE, _CATEGORY, _STATUS, _date("date", "effective[x]")),
    "Specimen": (*_SUBJECT, _token("type"), _STATUS, _date("collected", "collection.collected[x]")),
    "MedicationRequest": (
        *_SUBJECT,
        _token("code", "medicationCodeableConcept"),
        _STATUS,
        _token("intent"),
        _CATEGORY,
        _date("authoredon", "authoredOn"),
    ),
    "MedicationAdministration": (
        *_SUBJECT,
        _token("code", "medicationCodeableConcept"),
        _STATUS,
        _date("effective-time", "effective[x]"),
    ),
    "Medication": (_CODE, _STATUS),
    "Procedure": (*_SUBJECT, _CODE, _CATEGORY, _STATUS, _date("date", "performed[x]")),
    "ServiceRequest": (
        *_SUBJECT,
        _CODE,
        _CATEGORY,
        _STATUS,
        _token("intent"),
        _date("authored", "authoredOn"),
    ),
    "Device": (*_PATIENT, _token("type"), _STATUS),
    "AllergyIntolerance": (*_PATIENT, *_CLINICAL, _CODE, _date("date", "recordedDate")),
    "Encounter": (*_SUBJECT, _STATUS, _date("date", "period")),
    "Organization": (_token("identifier"),),
    "Practitioner": (_token("identifier"),),
    "PractitionerRole": (_token("identifier"),),
}

PARAMETERS: dict[str, dict[str, Parameter]] = {
    kind: {parameter.name: parameter for parameter in (_ID, *own)} for kind, own in _BY_TYPE.items()
}
"""Search parameters by resource type and name."""

INCLUDES: dict[str, str] = {
    f"{kind}:medication": "medicationReference"
    for kind in ("MedicationRequest", "MedicationAdministration")
}
"""What `_include` may name, with the reference element that it follows."""


def elements(resource: JsonObject, path: str) -> Iterator[Any]:
    """Every value at a path of a resource, lists flattened."""
    found: list[Any] = [resource]
    for name in path.split("."):
        found = [part for value in found for part in _members(value, name)]
    yield from found


def _members(value: Any, name: str) -> Iterator[Any]:
    if not isinstance(value, dict):
        return
    for key, member in value.items():
        if _is_named(key, name):
            yield from member if isinstance(member, list) else (member,)


def _is_named(key: str, name: str) -> bool:
    if not name.endswith("[x]"):
        return key == name
    stem = name.removesuffix("[x]")
    return key.startswith(stem) and key[len(stem) : len(stem) + 1].isupper()
