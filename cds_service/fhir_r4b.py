"""The only import of fhir.resources (R4B): strict checks of the FHIR resources that we emit.

What we receive is read leniently elsewhere; models are slow, refuse real data, and load only for
the few resource types that a suggestion can carry. R4 resources of these types are valid R4B.
"""

from __future__ import annotations

from functools import cache
from typing import Any

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


def warm_up(examples: list[JsonObject]) -> None:
    """Load and build the models of these resources, so that no call pays for it."""
    for resource in examples:
        is_valid(resource)
