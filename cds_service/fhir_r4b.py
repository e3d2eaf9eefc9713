"""The only import of fhir.resources (R4B): strict checks of the FHIR resources that we emit.

What we receive is read leniently elsewhere; models are slow, refuse real data, and load only for
the few resource types that a suggestion can carry. R4 resources of these types are valid R4B.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

import orjson
from fhir.resources import R4B

from hooks.fhir import JsonObject


@cache
def _model(resource_type: str) -> Any:
    """The model of a resource type, imported at first use; None where R4B has no such type."""
    try:
        return R4B.get_fhir_model_class(resource_type)
    except ValueError:
        return None


def is_valid(resource: Any) -> bool:
    """Whether a resource is valid R4B. The message of a refusal holds values, so it is dropped."""
    if not isinstance(resource, dict):
        return False
    model = _model(str(resource.get("resourceType")))
    if model is None:
        return False
    try:
        model.model_validate(resource)
    except ValueError:
        return False
    return True


_PATIENT = re.compile(r"Patient/[A-Za-z0-9\-.]{1,64}")


def is_valid_draft(resource: Any) -> bool:
    """The same for a draft of our own, which is judged once for all patients.

    The knowledge files word drafts; only the patient differs, and is not remembered.
    """
    subject = resource.get("subject") if isinstance(resource, dict) else None
    named = subject.get("reference") if isinstance(subject, dict) and len(subject) == 1 else None
    if not isinstance(named, str) or not _PATIENT.fullmatch(named):
        return is_valid(resource)
    return _judged(orjson.dumps({**resource, "subject": {"reference": "Patient/x"}}))


@lru_cache(maxsize=256)
def _judged(draft: bytes) -> bool:
    return is_valid(orjson.loads(draft))


def warm_up(examples: list[JsonObject]) -> None:
    """Load and build the models of these resources, so that no call pays for it."""
    for resource in examples:
        is_valid(resource)
