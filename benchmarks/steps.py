"""The steps of a call, each with those before it.

The first ones are those that no call can do without: they show how much of its time is left for
rules once the body was received, proved to be JSON and checked for types. The last ones show what
the rest takes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
import orjson
from flask import Flask

from benchmarks.payloads import PATIENT_VIEW
from cds_service import clock, hook_call, strict_json
from cds_service.app import create_app
from cds_service.config import load
from cds_service.edge import edge_of
from cds_service.fhir_answer import read_page
from hooks import Service
from hooks.fhir import RESOURCE_TYPES, read_alike
from hooks.record import PatientRecord


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


@cache
def application() -> Flask:
    """The service, set up from the environment, whose parts the last steps are."""
    return create_app(load())


def _service() -> Service:
    return edge_of(application()).services[PATIENT_VIEW]


def _evaluated(body: bytes) -> int:
    return len(_service().cards(_record(body)))


def _record(body: bytes) -> PatientRecord:
    """What the service reads of a call."""
    call = hook_call.parse(_service(), body, clock.monotonic())
    return edge_of(application()).record(_service(), call)


STEPS: dict[str, Callable[[bytes], int]] = {
    "the body received": len,
    "read by orjson": lambda body: len(orjson.loads(body)),
    "read, every name proved to be unique": lambda body: len(strict_json.loads(body)),
    "the same, every resource checked for its types": _checked,
    "(apart: decoded into what facts read, names not proved)": _typed,
    "sorted into the record of its patient": lambda body: len(_record(body).resources),
    "all recommendations evaluated, cards worded": _evaluated,
}
