"""The HTTP interface: discovery, hook calls, feedback, health (CDS Hooks 2.0.1)."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, Response, current_app, request

from cds_service import clock, feedback, hook_call, readiness, request_body, self_test
from cds_service.edge import Edge, edge_of, log_fields
from cds_service.errors import JSON
from cds_service.logs import Event
from hooks import Service

SPECIFICATION = "2.0.1"
"""The release of CDS Hooks that the services implement (discovery `version`)."""
CONTENT_EXTENSION = "org.lm-cds-hooks.content"

blueprint = Blueprint("cds", __name__)
start_page = Blueprint("start", __name__)


@blueprint.get("/cds-services", strict_slashes=False)
def discovery() -> Response:
    """All services with their prefetch templates."""
    services = _edge().services.values()
    return _json({"services": [describe(service) for service in services]})


@blueprint.post("/cds-services/<service_id>", strict_slashes=False)
def call(service_id: str) -> Response:
    """Answer one hook call with cards."""
    received = clock.monotonic()
    edge = _edge()
    service = edge.service(service_id)
    self_test.require(edge)
    body = request_body.read(edge.settings.max_body_bytes)
    asked = hook_call.parse(service, body, received)
    evaluation = edge.evaluate(service, asked, _base(edge))
    milliseconds = round((clock.monotonic() - received) * 1000, 1)
    edge.log.write(
        Event.HOOK_ANSWERED,
        service=service.id,
        hook_instance=asked.hook_instance,
        milliseconds=milliseconds,
        **log_fields(evaluation),
    )
    cards = [card for _, card in evaluation.answer.issued]
    edge.metrics.evaluated(service.id, cards, evaluation.failures)
    return _json(evaluation.answer.body)


@blueprint.post("/cds-services/<service_id>/feedback", strict_slashes=False)
def take_feedback(service_id: str) -> Response:
    """Store what became of cards; 204 also for cards we do not know."""
    edge = _edge()
    service = edge.service(service_id)
    items = feedback.parse(request_body.read(feedback.MAX_BODY_BYTES))
    stored = edge.store.record_feedback(service.id, items, edge.clock.now())
    edge.log.write(
        Event.FEEDBACK_STORED,
        service=service.id,
        items=stored.items,
        unknown=stored.unknown,
        repeated=stored.repeated,
    )
    edge.metrics.feedback(service.id, items, unknown=stored.unknown, repeated=stored.repeated)
    return Response(status=204)


@blueprint.get("/livez")
def alive() -> Response:
    """Whether the process answers; asks nothing else."""
    return _json({"status": "alive"})


@blueprint.get("/readyz")
def ready() -> Response:
    """Whether calls can be answered in full; else 503 with every reason why not."""
    edge = _edge()
    readiness.require(edge)
    return _json({"status": "ready", "contentVersion": edge.content_version})


@start_page.get("/")
def start() -> Response:
    """Where to look, for whoever opens the base URL of a production service."""
    base = _edge().settings.public_url or ""
    paths = {"discovery": f"{base}/cds-services", "catalogue": f"{base}/catalogue"}
    return _json({"service": "lm-cds-hooks", **paths})


def describe(service: Service) -> dict[str, Any]:
    """One service as discovery shows it; prefetch follows from what its rules need."""
    return {
        "hook": service.hook,
        "id": service.id,
        "title": service.title,
        "description": service.description,
        "prefetch": {need.key: need.query for need in service.needs},
        "usageRequirements": service.usage_requirements,
        "version": SPECIFICATION,
        "extension": {CONTENT_EXTENSION: {"contentVersion": service.content_version}},
    }


def _base(edge: Edge) -> str | None:
    """Where clients find the pages of the catalogue.

    Production never guesses from the Host header: it may be an inner name, or a caller's invention.
    """
    settings = edge.settings
    return settings.public_url or (request.url_root if settings.sandbox else None)


def _edge() -> Edge:
    return edge_of(current_app)


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), mimetype=JSON)
