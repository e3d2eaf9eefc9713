"""Steps that no call can do without, each alone in a Flask view, under gunicorn with threads.

`BENCH_STEP` names the step. Nothing is evaluated: this shows how much of the time of a call is left
for rules once its body was received, proved to be JSON and checked for types.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

import msgspec
import orjson
from flask import Flask, request

from cds_service import strict_json
from cds_service.fhir_answer import read_page
from cds_service.warm_up import CONTAINERS
from hooks.fhir import RESOURCE_TYPES, read_alike

app = Flask(__name__)


class _Entry(msgspec.Struct):
    resource: msgspec.Raw


class _Bundle(msgspec.Struct):
    entry: list[_Entry] = []


class _Call(msgspec.Struct):
    prefetch: dict[str, msgspec.Raw]


_CALL = msgspec.json.Decoder(_Call)
_BUNDLE = msgspec.json.Decoder(_Bundle)
_RESOURCES = {name: msgspec.json.Decoder(struct) for name, struct in RESOURCE_TYPES.items()}


def _checked(body: bytes) -> int:
    """The strict tree, and every resource as facts read it."""
    pages = (read_page(value) for value in strict_json.loads(body)["prefetch"].values())
    found: dict[str, list[Any]] = {}
    for page in pages:
        for entry in page.entries if page else ():
            found.setdefault(entry.kind, []).append(entry.resource)
    return sum(len(read_alike(kind, raws)) for kind, raws in found.items())


def _typed(body: bytes) -> int:
    """Only the elements that facts read, without a tree; repeated names are not noticed."""
    count = 0
    for raw in _CALL.decode(body).prefetch.values():
        kind = bytes(raw)[:400]
        for entry in _BUNDLE.decode(raw).entry if b'"Bundle"' in kind else ():
            name = bytes(entry.resource)[:64].split(b'"', 4)[3].decode()
            _RESOURCES[name].decode(entry.resource)
            count += 1
    return count


STEPS: dict[str, Callable[[bytes], int]] = {
    "the body received": len,
    "read by orjson": lambda body: len(orjson.loads(body)),
    "read, every name proved to be unique": lambda body: len(strict_json.loads(body)),
    "the same, every resource checked for its types": _checked,
    "decoded into what facts read, names not proved": _typed,
}
gc.collect()
gc.freeze()
gc.set_threshold(CONTAINERS)
_step = STEPS[os.environ["BENCH_STEP"]] if "BENCH_STEP" in os.environ else len


@app.post("/cds-services/<service_id>")
def count(service_id: str) -> dict[str, Any]:
    """One card with what the step found."""
    found = _step(request.get_data())
    card = {"summary": f"{found} found", "indicator": "info", "source": {"label": service_id}}
    return {"cards": [card]}
