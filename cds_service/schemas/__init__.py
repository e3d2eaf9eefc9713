"""JSON Schemas of the messages, and their validators, each built once."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema file `<name>.schema.json` of this package."""
    text = (resources.files(__name__) / f"{name}.schema.json").read_bytes()
    content: dict[str, Any] = orjson.loads(text)
    return content


@cache
def validator(name: str, definition: str) -> Validator:
    """The validator of one definition of a schema file, e.g. (`hook_call`, `order-sign`)."""
    definitions = schema(name)["$defs"]
    return Draft202012Validator({"$defs": definitions} | definitions[definition])
