"""A prefetch template and a patient -> the address to ask.

Parameter values are percent-encoded (`|` as %7C). An empty value is never sent, because servers
ignore such a parameter and would answer for all patients; ids that are no FHIR id are refused.
Source: data elements, section 2; FHIR R4 search; HAPI (empty parameter values).
"""

from __future__ import annotations

import re
from urllib.parse import quote

_PATIENT = "{{context.patientId}}"
_FHIR_ID = re.compile(r"[A-Za-z0-9\-._]{1,128}")
_NEWEST_FIRST = frozenset({"Observation", "DiagnosticReport"})


def usable_id(text: str | None) -> bool:
    """Whether a text can stand for a resource in an address; dots alone would change the path."""
    return bool(text and _FHIR_ID.fullmatch(text) and text.strip("."))


def resource_type(query: str) -> str:
    """The type that a query asks for."""
    return re.split(r"[/?]", query, maxsplit=1)[0]


def sortable(query: str) -> bool:
    """Whether `_sort=-date` is meaningful: it puts the newest results on the first page."""
    return "?" in query and resource_type(query) in _NEWEST_FIRST


def address(base: str, query: str, page_size: int | None, *, sort: bool) -> str:
    """The address of a query; `page_size` replaces its `_count` where it has one."""
    path, _, text = query.partition("?")
    parameters = [item.partition("=")[::2] for item in text.split("&") if item]
    if sort:
        parameters.append(("_sort", "-date"))
    asked = "&".join(f"{name}={_value(name, value, page_size)}" for name, value in parameters)
    return f"{base}/{path}" + (f"?{asked}" if asked else "")


def filled(template: str, patient_id: str) -> str:
    """The template with the id of the patient. Raises ValueError for an id that is none."""
    if not usable_id(patient_id):
        raise ValueError("patient id")
    return template.replace(_PATIENT, patient_id)


def _value(name: str, value: str, page_size: int | None) -> str:
    if name == "_count" and page_size is not None:
        return str(page_size)
    if not value:
        raise ValueError("empty parameter value")
    return quote(value, safe=":/,-._~")
