"""What a worker does once before its first call, so that no call pays for it.

Opens the store, reads the keys of the clients, asks itself for the known answers, evaluates one
synthetic call of each hook, builds the R4B models of suggestions, then moves all that is loaded out
of the garbage collector's sight: with models loaded, unfrozen collections decide the slowest calls.
"""

from __future__ import annotations

import gc

import orjson
from flask import Flask

from cds_service import clock, fhir_r4b, hook_call, self_test
from cds_service.edge import edge_of
from hooks import Service
from hooks.fhir import JsonObject

_PATIENT = {"reference": "Patient/warm-up"}
_PROPOSAL: JsonObject = {"status": "draft", "intent": "proposal", "subject": _PATIENT}
_EMITTED: list[JsonObject] = [
    {"resourceType": "ServiceRequest", **_PROPOSAL, "code": {"text": "MRI"}},
    {"resourceType": "MedicationRequest", **_PROPOSAL, "medicationCodeableConcept": {"text": "x"}},
    {"resourceType": "Condition", "subject": _PATIENT, "code": {"text": "x"}},
]
_ORDER: JsonObject = {
    "resourceType": "MedicationRequest",
    "id": "warm-up",
    "status": "draft",
    "intent": "order",
    "subject": _PATIENT,
    "medicationCodeableConcept": {"text": "methotrexate"},
    "dosageInstruction": [
        {
            "route": {"text": "intrathecal"},
            "doseAndRate": [{"doseQuantity": {"value": 50, "unit": "mg"}}],
        }
    ],
}
_CONDITION: JsonObject = {
    "resourceType": "Condition",
    "id": "warm-up",
    "subject": _PATIENT,
    "code": {"text": "breast cancer"},
}


CONTAINERS = 100_000
"""New containers before the garbage collector looks: more than a chart of 2 MB is made of.

A chart has no cycles and is freed as its call ends; a look in the middle of it finds nothing.
"""


def warm_up(app: Flask) -> None:
    """Do all this once. No call is stored or logged; a store that fails now is tried again."""
    edge_of(app).store.open()
    edge_of(app).door.open()
    fhir_r4b.warm_up(_EMITTED)
    self_test.failed(edge_of(app))
    for service in edge_of(app).services.values():
        _evaluate(app, service)
    gc.collect()
    gc.freeze()
    gc.set_threshold(CONTAINERS)


def _evaluate(app: Flask, service: Service) -> None:
    edge = edge_of(app)
    call = hook_call.parse(service, orjson.dumps(_body(service)), clock.monotonic())
    record = edge.record(service, call)
    service.cards(record)


def _body(service: Service) -> JsonObject:
    prefetch: JsonObject = {need.key: None for need in service.needs}
    return {
        "hook": service.hook,
        "context": {
            "userId": "Practitioner/warm-up",
            "patientId": "warm-up",
            "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": _ORDER}]},
        },
        "prefetch": prefetch | {"conditions": _CONDITION},
    }
