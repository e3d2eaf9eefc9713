"""Everything that can go wrong with a call, and the FHIR OperationOutcome that answers it.

    ServiceError                 500  a fault of ours
    ├── CallRefused              400  the caller can mend it
    │   ├── BodyUnreadable       400  no JSON, duplicate names, too deep
    │   ├── BodyNotObject        400
    │   ├── WrongHook            400
    │   ├── ContextMissing       400
    │   ├── PatientMissing       400
    │   ├── DraftOrdersMissing   400
    │   ├── FeedbackMalformed    400
    │   ├── BodyTooLarge         413
    │   └── UnknownService       404
    ├── Unauthenticated          401  the caller did not prove who they are; never says why
    ├── RequiredDataMissing      412  Patient or Condition could not be read
    ├── KeysMissing              503  readiness: the keys of a client were never read
    ├── Overloaded               503  more calls than can be answered in time
    ├── SelfTestFailed           503  a known answer is wrong
    ├── NotReady                 503  what `/readyz` says when it is red
    └── StoreUnavailable         503
        └── TokenStoreUnavailable 503  it cannot be told whether a token was used before

Every text is a constant: nothing of a request or of a library's message is ever repeated
(CDS Hooks 3.0.0-ballot, HTTP Status Codes: an error carries an OperationOutcome).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from cds_service.logs import Event, Log

JSON = "application/json"


class ServiceError(Exception):
    """An answer other than 2xx; `code` is a FHIR issue type, `text` is for the caller."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "exception"
    text: ClassVar[str] = "The service could not answer because of an internal fault."
    headers: ClassVar[Mapping[str, str]] = {}

    def issues(self) -> list[dict[str, Any]]:
        """The OperationOutcome issues of this error."""
        return [issue(self.code, self.text)]

    def log_fields(self) -> dict[str, Any]:
        """What the log tells beside the class, from closed lists."""
        return {}


class CallRefused(ServiceError):
    """The call cannot be evaluated as it is."""

    status = 400
    code = "invalid"
    text = "The call cannot be evaluated."


class BodyUnreadable(CallRefused):
    """The body is no JSON text that can be read in only one way."""

    code = "structure"
    text = (
        "The body is not JSON in UTF-8 that can be read in only one way: repeated names, "
        "NaN, lone surrogates and more than 64 levels are refused."
    )


class BodyNotObject(CallRefused):
    """The body is JSON, but no object."""

    code = "structure"
    text = "The body is not a JSON object."


class BodyTooLarge(CallRefused):
    """The body is longer than the limit of the endpoint."""

    status = 413
    code = "too-long"
    text = "The body is larger than this service accepts."


class WrongHook(CallRefused):
    """`hook` names another hook than the one this service answers."""

    text = "The body is for another hook than the one of this service."


class ContextMissing(CallRefused):
    """`context` is missing or no object."""

    code = "required"
    text = "context is missing or is not an object."


class PatientMissing(CallRefused):
    """`context.patientId` is missing or no text."""

    code = "required"
    text = "context.patientId is missing, empty or not a string."


class DraftOrdersMissing(CallRefused):
    """`context.draftOrders` is no Bundle with a list of entries."""

    code = "required"
    text = "context.draftOrders is missing or is not a Bundle with a list of entries."


class FeedbackMalformed(CallRefused):
    """A feedback body breaks the rules of CDS Hooks; nothing of it was stored."""

    text = (
        "The feedback cannot be stored: an object with a list 'feedback' of at most 100 items is "
        "expected, each with card, outcome (accepted or overridden), outcomeTimestamp (RFC 3339) "
        "and, if accepted, acceptedSuggestions with an id. Nothing was stored."
    )


class UnknownService(CallRefused):
    """No service has the id of the path."""

    status = 404
    code = "not-found"
    text = "There is no CDS service with this id."


class Unauthenticated(ServiceError):
    """The caller did not prove who they are. `reason` and `client` are for the log alone."""

    status = 401
    code = "login"
    text = "This service needs a valid JSON Web Token of a client that it knows."
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}

    def __init__(self, reason: str | None = None, client: str | None = None) -> None:
        super().__init__(self.text)
        self.reason = reason
        self.client = client

    def log_fields(self) -> dict[str, Any]:
        """Why, and which client the token claims to be of."""
        return {"token": self.reason, "client": self.client}


class RequiredDataMissing(ServiceError):
    """`patient-view` without Patient or Condition (CDS Hooks 2.0.1: HTTP 412).

    `missing` pairs the resource type with the reasons, both from closed lists.
    """

    status = 412
    code = "incomplete"
    text = "Required data are neither in the prefetch nor obtainable from the FHIR server."

    def __init__(self, missing: Sequence[tuple[str, Sequence[str]]]) -> None:
        super().__init__(self.text)
        self.missing = tuple(missing)

    def issues(self) -> list[dict[str, Any]]:
        """One issue for each resource type that could not be read."""
        return [
            issue(self.code, self.text, f"{category}: {', '.join(reasons)}")
            for category, reasons in self.missing
        ]


class Overloaded(ServiceError):
    """More calls than can be answered in time; nothing was evaluated."""

    status = 503
    code = "throttled"
    text = "The service is overloaded now and did not evaluate this call."
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class StoreUnavailable(ServiceError):
    """The database cannot be used now."""

    status = 503
    code = "transient"
    text = "The feedback store is not available now. Nothing was stored; please send it again."


class TokenStoreUnavailable(StoreUnavailable):
    """It cannot be told whether the token of the call was used before."""

    text = "Callers cannot be authenticated now. Please call again with a new token."


class KeysMissing(ServiceError):
    """The keys of a client were never read, or not for a day."""

    status = 503
    code = "transient"
    text = "The keys of a client could not be read."


class SelfTestFailed(ServiceError):
    """A published call gives another answer than the published one."""

    status = 503
    text = "This service failed its own test and gives no advice. It has to be repaired."


class NotReady(ServiceError):
    """At least one thing that calls need is missing; `problems` pairs text and diagnostics."""

    status = 503
    code = "transient"

    def __init__(self, problems: Sequence[tuple[str, str | None]]) -> None:
        super().__init__(self.text)
        self.problems = tuple(problems)

    def issues(self) -> list[dict[str, Any]]:
        """One issue for each problem."""
        return [issue(self.code, *problem) for problem in self.problems]


_HTTP_ISSUES: dict[int, tuple[str, str]] = {
    400: ("structure", "The HTTP request could not be read."),
    404: ("not-found", "There is nothing at this path."),
    405: ("not-supported", "This path does not support this HTTP method."),
    413: (BodyTooLarge.code, BodyTooLarge.text),
    414: ("too-long", "The request line is longer than this service accepts."),
    415: ("not-supported", "This media type is not supported."),
    417: ("not-supported", "This expectation is not supported."),
    431: ("too-long", "The request headers are larger than this service accepts."),
    501: ("not-supported", "This transfer coding is not supported."),
}


def issue(code: str, text: str, diagnostics: str | None = None) -> dict[str, Any]:
    """One OperationOutcome issue of severity error."""
    entry: dict[str, Any] = {"severity": "error", "code": code, "details": {"text": text}}
    return entry | ({"diagnostics": diagnostics} if diagnostics else {})


def outcome_response(status: int, issues: Sequence[dict[str, Any]]) -> Response:
    """An HTTP answer whose body is an OperationOutcome (FHIR R4)."""
    body = {"resourceType": "OperationOutcome", "issue": list(issues)}
    return Response(orjson.dumps(body), status=status, mimetype=JSON)


def error_response(error: ServiceError) -> Response:
    """The answer for an error of ours."""
    answer = outcome_response(error.status, error.issues())
    answer.headers.update(error.headers)
    return answer


def http_outcome(status: int) -> Response:
    """The answer for an HTTP status where no error of ours says more."""
    return outcome_response(status, [issue(*_http_issue(status))])


def register(app: Flask, log: Log) -> None:
    """Answer every error of the application with an OperationOutcome, and log its class."""

    def known(error: ServiceError) -> Response:
        if isinstance(error, StoreUnavailable):
            log.store_failed(error)
        _log(log, error, error.status, **error.log_fields())
        return error_response(error)

    def http(error: HTTPException) -> Response:
        status = error.code or 500
        answer = http_outcome(status)
        for name, value in error.get_headers():
            if name.lower() in ("allow", "location", "retry-after"):
                answer.headers[name] = value
        _log(log, error, status)
        return answer

    def fault(error: Exception) -> Response:
        log.fault(error)
        return outcome_response(500, ServiceError().issues())

    app.register_error_handler(ServiceError, known)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(Exception, fault)


def _log(log: Log, error: Exception, status: int, **fields: Any) -> None:
    log.write(
        Event.CALL_REFUSED,
        endpoint=request.endpoint,
        status=status,
        error=type(error).__name__,
        **fields,
    )


def _http_issue(status: int) -> tuple[str, str]:
    default = (ServiceError.code, ServiceError.text) if status >= 500 else _HTTP_ISSUES[400]
    return _HTTP_ISSUES.get(status, default)
