"""Errors of the sandbox FHIR server, as FHIR OperationOutcome.

Texts are constant or name parameters and resource types only; values of a request are not repeated.
Source: FHIR R4 OperationOutcome, issue-type value set.
"""

from __future__ import annotations

from hooks.fhir import JsonObject


class FhirError(Exception):
    """A request that the FHIR server refuses: HTTP status, issue type and a constant text."""

    def __init__(self, status: int, code: str, diagnostics: str) -> None:
        super().__init__(diagnostics)
        self.status = status
        self.code = code
        self.diagnostics = diagnostics

    def outcome(self) -> JsonObject:
        """The OperationOutcome that the client gets."""
        return outcome("error", self.code, self.diagnostics)


def outcome(severity: str, code: str, diagnostics: str) -> JsonObject:
    """An OperationOutcome with one issue."""
    issue = {"severity": severity, "code": code, "diagnostics": diagnostics}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def bad_request(diagnostics: str, code: str = "invalid") -> FhirError:
    """HTTP 400."""
    return FhirError(400, code, diagnostics)


def not_supported(diagnostics: str) -> FhirError:
    """HTTP 400 for something that FHIR knows and this server does not."""
    return FhirError(400, "not-supported", diagnostics)


def unknown_type() -> FhirError:
    """HTTP 404 for a resource type that this server does not serve."""
    return FhirError(404, "not-supported", "This sandbox does not serve that resource type")


def unknown_id(kind: str) -> FhirError:
    """HTTP 404 for an id that was never in use."""
    return FhirError(404, "not-found", f"No {kind} with that id")


def deleted(kind: str) -> FhirError:
    """HTTP 410 for an id whose resource was deleted."""
    return FhirError(410, "deleted", f"That {kind} was deleted")
