"""Calls about a patient on a FHIR server of the visitor.

The service reads the chart from there, under the same rule as for any call of the sandbox: only
servers on this host and those that the operator listed. The chart stays on that server; only the
orders to be signed are lent from a test patient, put in the name of the visitor's patient.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import fhir_fixtures
from cds_service.config import PREFIX, Settings
from cds_service.fhir_server_policy import allowed_base
from hooks import SERVICES
from hooks.fhir import JsonObject

ORDER_SIGN = "order-sign"
_FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


class FormProblem(ValueError):
    """A field of the form cannot be used; `field` names it, the text is for the visitor."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True)
class OwnServer:
    """What the form asks for: base URL, patient id, and the story that lends its orders."""

    base: str = ""
    patient: str = ""
    orders: str = ""

    @classmethod
    def read(cls, form: Mapping[str, str]) -> OwnServer:
        """The fields as the visitor filled them in."""
        patient = form.get("patient", "").strip().removeprefix("Patient/")
        return cls(form.get("server", "").strip(), patient, form.get("orders", ""))


def lenders() -> list[fhir_fixtures.Story]:
    """The stories that have orders to lend."""
    return [story for story in fhir_fixtures.stories() if fhir_fixtures.draft_orders(story.name)]


def own_call(asked: OwnServer, service_id: str, settings: Settings, today: date) -> JsonObject:
    """The request of an EHR about this patient. Raises `FormProblem`."""
    base = allowed_base(settings.profile, settings.fhir_servers, asked.base)
    if base is None:
        raise FormProblem(
            "server",
            "This server may not be contacted. Name one on this host, such as "
            f"http://127.0.0.1:8080/fhir, or start the sandbox with {PREFIX}FHIR_SERVERS set to "
            "its base URL.",
        )
    if not _FHIR_ID.fullmatch(asked.patient):
        raise FormProblem("patient", "A FHIR id has 1 to 64 letters, digits, hyphens and dots.")
    hook = SERVICES[service_id].hook
    orders = {"draftOrders": _lent(asked, today)} if hook == ORDER_SIGN else {}
    return {
        "hook": hook,
        "hookInstance": str(uuid.uuid4()),
        "fhirServer": base,
        "context": {"userId": fhir_fixtures.USER, "patientId": asked.patient, **orders},
    }


def _lent(asked: OwnServer, today: date) -> Any:
    if asked.orders not in {story.name for story in lenders()}:
        raise FormProblem("orders", "Choose the orders to be signed.")
    orders = fhir_fixtures.shift(fhir_fixtures.draft_orders(asked.orders), today)
    patient = f"Patient/{fhir_fixtures.patient_id(asked.orders)}"
    return _renamed(orders, patient, f"Patient/{asked.patient}")


def _renamed(value: Any, old: str, new: str) -> Any:
    """A copy in which every reference to one resource names another."""
    if isinstance(value, list):
        return [_renamed(part, old, new) for part in value]
    if isinstance(value, dict):
        return {
            name: new if name == "reference" and part == old else _renamed(part, old, new)
            for name, part in value.items()
        }
    return value
