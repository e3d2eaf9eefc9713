"""The CapabilityStatement of the sandbox FHIR server. Source: FHIR R4, CapabilityStatement."""

from __future__ import annotations

from cds_service.sandbox.parameters import INCLUDES, PARAMETERS
from hooks.fhir import JsonObject

_INTERACTIONS = ("read", "search-type", "create", "update", "delete")
_DOCUMENTATION = (
    "In-memory FHIR server with made-up test patients. Not for clinical use. Resources are not "
    "validated. Each server process has its own copy, which ends with the process."
)


def capability_statement(base: str, date: str) -> JsonObject:
    """What the server can do; `base` is its URL, `date` an RFC 3339 date."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "experimental": True,
        "date": date,
        "kind": "instance",
        "software": {"name": "lm-cds-hooks sandbox"},
        "implementation": {"description": "Sandbox: test data, not for clinical use", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [_rest()],
    }


def _rest() -> JsonObject:
    return {
        "mode": "server",
        "documentation": _DOCUMENTATION,
        "security": {"cors": True},
        "resource": [_resource(kind) for kind in sorted(PARAMETERS)],
        "interaction": [{"code": "transaction"}, {"code": "batch"}],
    }


def _resource(kind: str) -> JsonObject:
    parameters = sorted(PARAMETERS[kind].values(), key=lambda parameter: parameter.name)
    includes = [include for include in INCLUDES if include.startswith(f"{kind}:")]
    return {
        "type": kind,
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "no-version",
        "readHistory": False,
        "updateCreate": True,
        "conditionalCreate": False,
        "conditionalUpdate": False,
        **({"searchInclude": includes} if includes else {}),
        "searchParam": [{"name": p.name, "type": p.kind.value} for p in parameters],
    }
