"""What holds for every answer of the CDS endpoints: JSON, schema, no null, nothing empty."""

from __future__ import annotations

from typing import Any

import orjson
from werkzeug.test import TestResponse

from cds_service.schemas import validator
from hooks.values import yaml_file

_OUR_PATHS = ("/cds-services", "/livez", "/readyz")
FAULT = yaml_file("order_not_checked.yaml")["summary"].encode()
"""What stands in the answer about an order that a fault of ours kept from being checked."""
faults_are_meant = False
"""For tests that cause such a fault."""


def check(response: TestResponse) -> None:
    """Fail unless the answer keeps the rules of CDS Hooks 2.0.1 and of this service."""
    path = response.request.path
    if not path.startswith(_OUR_PATHS) or response.request.method in ("HEAD", "OPTIONS"):
        return
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    if response.status_code == 204:
        assert response.data == b""
        return
    assert response.mimetype == "application/json", f"{path}: {response.mimetype}"
    body = orjson.loads(response.data)
    schema = validator("response", _definition(response))
    problems = [f"{error.json_path}: {error.message}" for error in schema.iter_errors(body)]
    assert problems == [], f"{path}: {problems}"
    assert empties(body) == []
    assert FAULT not in response.data or faults_are_meant, "a fault of the service"


def _definition(response: TestResponse) -> str:
    if response.status_code >= 300:
        return "outcome"
    if not response.request.path.startswith("/cds-services"):
        return "health"
    return "discovery" if response.request.method == "GET" else "response"


def empties(value: Any, path: str = "$") -> list[str]:
    """Where a value holds null, "", [] or {}; the two lists that may be empty are left out."""
    if value in (None, "", [], {}):
        return [] if path in ("$.cards", "$.services") else [path]
    if isinstance(value, dict):
        return [p for name, member in value.items() for p in empties(member, f"{path}.{name}")]
    if isinstance(value, list):
        return [p for index, item in enumerate(value) for p in empties(item, f"{path}[{index}]")]
    return []
