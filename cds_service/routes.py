"""The HTTP interface: discovery, hook calls, feedback, health (CDS Hooks 2.0.1)."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, Response, current_app, request

from cds_service import clock, feedback, hook_call, readiness, request_body, self_test
from cds_service.admission import rank_of
from cds_service.clients import Client
from cds_service.edge import Edge, Evaluation, edge_of, log_fields
from cds_service.errors import JSON, Overloaded, SelfTestFailed
from cds_service.hook_call import HookCall
from cds_service.logs import Event
from hooks import Service

SPECIFICATION = "2.0.1"
"""The release of CDS Hooks that the services implement (discovery `version`)."""
DISCOVERY = "/cds-services"
CONTENT_EXTENSION = "org.lm-cds-hooks.content"

blueprint = Blueprint("cds", __name__)
start_page = Blueprint("start", __name__)


@blueprint.get("/cds-services", strict_slashes=False)
def discovery() -> Response:
    """All services of the client with their prefetch templates."""
    edge = _edge()
    client = _caller(edge, DISCOVERY)
    services = [service for service in edge.services.values() if client.may_call(service.id)]
    return _json({"services": [describe(service) for service in services]})


@blueprint.post("/cds-services/<service_id>", strict_slashes=False)
def call(service_id: str) -> Response:
    """Answer one hook call with cards."""
    received = clock.monotonic()
    edge = _edge()
    asked_for = edge.services.get(service_id)
    _refuse_when_full(edge, asked_for)
    # A refused order-sign lets the order pass unseen.
    on_orders = asked_for is not None and asked_for.on_orders
    client = _caller(edge, f"{DISCOVERY}/{service_id}", essential=on_orders)
    service = edge.service(service_id, client)
    body = request_body.read(edge.settings.max_body_bytes)
    with edge.admission.place(rank_of(service), edge.deadline_ms(client)):
        asked = hook_call.parse(service, body, received, client)
        evaluation = _evaluated(edge, service, asked)
    milliseconds = round((clock.monotonic() - received) * 1000, 1)
    edge.log.write(
        Event.HOOK_ANSWERED,
        service=service.id,
        client=client.name or None,
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
    own = f"{DISCOVERY}/{service_id}"
    client = _caller(edge, own, f"{own}/feedback")
    service = edge.service(service_id, client)
    items = feedback.parse(request_body.read(feedback.MAX_BODY_BYTES))
    stored = edge.store.record_feedback(service.id, items, edge.clock.now(), client.name)
    edge.log.write(
        Event.FEEDBACK_STORED,
        service=service.id,
        client=client.name or None,
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


def _caller(edge: Edge, *paths: str, essential: bool = False) -> Client:
    """Who calls one of these paths; see `Door.admit`."""
    return edge.door.admit(request.headers.get("Authorization"), paths, essential)


def _refuse_when_full(edge: Edge, service: Service | None) -> None:
    """Before anything else: a call that would get no place. Raises `Overloaded`."""
    if service is not None and edge.admission.is_full(rank_of(service)):
        request_body.skip()
        raise Overloaded


def _evaluated(edge: Edge, service: Service, asked: HookCall) -> Evaluation:
    """A process whose known answers are wrong advises nobody; for an order a card says so."""
    if not self_test.failed(edge):
        return edge.evaluate(service, asked, _base(edge))
    if service.on_orders:
        return edge.not_checked(_base(edge))
    raise SelfTestFailed


def _edge() -> Edge:
    return edge_of(current_app)


def _json(body: Any) -> Response:
    return Response(orjson.dumps(body), mimetype=JSON)
