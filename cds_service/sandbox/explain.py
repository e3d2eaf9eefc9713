"""`POST /sandbox/explain/{service id}`: why each recommendation applies, does not, or cannot tell.

The body is that of a hook call, and the record is gathered in the same way. Nothing is stored,
and dismissed cards are explained like all others.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import orjson
from flask import Blueprint, Response, current_app, request

from cds_service import hook_call
from cds_service.clock import monotonic
from cds_service.edge import edge_of
from cds_service.sandbox.chart_summary import day_of
from hooks.fhir import JsonObject
from hooks.record import PatientRecord

PATH = "/sandbox/explain"


def blueprint() -> Blueprint:
    """The route of the explanation."""
    routes = Blueprint("explain", __name__, url_prefix=PATH)

    @routes.post("/<service_id>")
    def explain(service_id: str) -> Response:
        body = explanation(service_id, request.get_data(cache=False))
        return Response(orjson.dumps(body), mimetype="application/json")

    return routes


def explanation(service_id: str, body: bytes) -> JsonObject:
    """What one service makes of one call. Raises what a hook call raises, except 412."""
    received = monotonic()
    edge = edge_of(current_app)
    service = edge.service(service_id)
    record = edge.record(service, hook_call.parse(service, body, received))
    return {
        "service": service.id,
        "content_version": service.content_version,
        "failures": [{"category": f.category, "reason": f.reason} for f in record.failures],
        "recommendations": service.explanation(record),
        "entries": list(_entries(record)),
    }


def _entries(record: PatientRecord) -> Iterator[JsonObject]:
    """The entries of the chart that the service read and that have a day: `Type/id` and day."""
    for kind, resources in record.resources.items():
        for resource in resources:
            day = day_of(msgspec.to_builtins(resource))
            if day:
                yield {"reference": f"{kind}/{resource.id or ''}", "date": day}
