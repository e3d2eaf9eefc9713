"""Bytes of a request -> HookCall: who is asked about what, read as leniently as safety allows.

`order-sign` is refused only where nothing could be evaluated, because a refused call lets the
order pass unseen. Everything else that is missing or odd merely makes queries to the FHIR server
impossible (clinical specification, section 1.9; CDS Hooks 2.0.1, Calling a CDS Service).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Protocol

from cds_service import errors, strict_json
from cds_service.clients import ANYONE, Client
from cds_service.schemas import validator
from hooks.fhir import JsonObject
from hooks.record import Reason

PATIENT_VIEW = "patient-view"
ORDER_SIGN = "order-sign"
_FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_VISIBLE = re.compile(r"[\x21-\x7e]+")


class AskedService(Protocol):
    """What of a service decides how a call is read."""

    @property
    def id(self) -> str:
        """The path segment under `/cds-services/`."""

    @property
    def hook(self) -> str:
        """The hook it answers."""


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call of a hook.

    `patient_id` is the bare id, None when missing or no FHIR id. `received` is on the monotonic
    clock. `why_not` says why the FHIR server may not be queried. The `repr` holds no patient data
    and no token.
    """

    hook: str
    service_id: str
    hook_instance: str | None = field(repr=False)
    patient_id: str | None = field(repr=False)
    user_id: str | None = field(repr=False)
    encounter_id: str | None = field(repr=False)
    draft_orders: list[Any] = field(repr=False)
    prefetch: dict[str, Any] = field(repr=False)
    fhir_server: str | None = field(repr=False)
    access_token: str | None = field(repr=False)
    received: float
    queries_allowed: bool
    why_not: Reason | None
    client: Client = ANYONE

    @property
    def user_is_patient_or_relative(self) -> bool:
        """Whether the user is no clinician; such users get no chart-open cards."""
        segments = (self.user_id or "").split("/")
        return len(segments) > 1 and segments[-2] in ("Patient", "RelatedPerson")


def parse(service: AskedService, body: bytes, received: float, client: Client = ANYONE) -> HookCall:
    """Read one call of a client for a service.

    Raises a `CallRefused` of the kinds that 400 stands for.
    """
    message = strict_json.loads(body)
    _check_envelope(service, message)
    context: JsonObject = message["context"]
    token, complete = _authorization(message.get("fhirAuthorization"))
    patient_id = _patient_id(context.get("patientId"))
    odd = (
        not complete
        or patient_id is None
        or _odd(message.get("hookInstance"))
        or _odd(context.get("userId"))
        or (context.get("encounterId") is not None and _odd(context["encounterId"]))
        or not _authorized_for(message.get("fhirAuthorization"), patient_id)
    )
    server = message.get("fhirServer")
    why_not = _why_not(server, odd)
    return HookCall(
        hook=service.hook,
        service_id=service.id,
        hook_instance=_text(message.get("hookInstance")),
        patient_id=patient_id,
        user_id=_text(context.get("userId")),
        encounter_id=_text(context.get("encounterId")),
        draft_orders=_draft_orders(service, context),
        prefetch=_object(message.get("prefetch")),
        fhir_server=_text(server),
        access_token=token,
        received=received,
        queries_allowed=why_not is None,
        why_not=why_not,
        client=client,
    )


def _check_envelope(service: AskedService, message: Any) -> None:
    if not isinstance(message, dict):
        raise errors.BodyNotObject
    hook = message.get("hook")
    if isinstance(hook, str) and hook.strip() and hook != service.hook:
        raise errors.WrongHook
    for problem in validator("hook_call", service.hook).iter_errors(message):
        raise _refusal(service, [*problem.absolute_path], problem.validator)


def _refusal(service: AskedService, path: list[str | int], rule: object) -> errors.CallRefused:
    if path == ["hook"]:
        return errors.WrongHook()
    if len(path) == 0 or (path == ["context"] and rule == "type"):
        return errors.ContextMissing()
    return errors.PatientMissing() if service.hook == PATIENT_VIEW else errors.DraftOrdersMissing()


def _why_not(server: Any, odd: bool) -> Reason | None:
    if server is None:
        return Reason.NO_SERVER
    return Reason.NOT_ALLOWED if odd or _text(server) is None else None


def _patient_id(value: Any) -> str | None:
    """The bare id of `x`, `Patient/x` or `Patient/x/_history/1`; None for anything else."""
    text = (_text(value) or "").split("/_history/", 1)[0].removeprefix("Patient/")
    usable = _FHIR_ID.fullmatch(text) and text.strip(".")
    return text if usable else None


def _authorization(value: Any) -> tuple[str | None, bool]:
    """The access token, and whether the object is absent or complete (CDS Hooks 2.0.1)."""
    if value is None:
        return None, True
    given = _object(value)
    lifetime = given.get("expires_in")
    complete = (
        str(given.get("token_type")).lower() == "bearer"
        and isinstance(lifetime, int | float)
        and lifetime > 0
        and lifetime is not True
        and all(_text(given.get(name)) for name in ("access_token", "scope", "subject"))
        and _VISIBLE.fullmatch(given["access_token"])
    )
    return (given["access_token"], True) if complete else (None, False)


def _authorized_for(authorization: Any, patient_id: str | None) -> bool:
    """Whether the token is not bound to another patient than the one of the context."""
    bound = _object(authorization).get("patient")
    return bound is None or _patient_id(bound) == patient_id


def _draft_orders(service: AskedService, context: JsonObject) -> list[Any]:
    """The entries of the draft orders; a Bundle without `entry` is the empty one of FHIR."""
    return list(context["draftOrders"].get("entry") or ()) if service.hook == ORDER_SIGN else []


def _odd(value: Any) -> bool:
    return _text(value) is None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
