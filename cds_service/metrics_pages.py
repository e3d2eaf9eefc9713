"""`/metrics`, on its own port, and the measuring of every request.

The port for figures serves `/metrics`, `/livez` and `/readyz` only; every other port knows no
`/metrics`. The port is that of the socket on which the request came, never one that a header names.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, abort, g, request
from prometheus_client import CONTENT_TYPE_LATEST

from cds_service.clock import monotonic
from cds_service.config import Settings
from cds_service.metrics import Metrics

PAGE = "metrics.figures"
_BESIDE = (PAGE, "cds.alive", "cds.ready")


def register(app: Flask, settings: Settings, metrics: Metrics) -> None:
    """Measure all requests of the application; serve the figures where there is a port for them."""

    @app.before_request
    def _start() -> None:
        g.started = monotonic()

    @app.after_request
    def _measure(response: Response) -> Response:
        seconds = monotonic() - g.started
        service = (request.view_args or {}).get("service_id", "")
        metrics.request(request.endpoint, service, response.status_code, seconds)
        return response

    if settings.metrics_bind is not None:
        app.before_request(lambda: _keep_apart(settings))
        app.register_blueprint(_blueprint(metrics))


def _blueprint(metrics: Metrics) -> Blueprint:
    pages = Blueprint("metrics", __name__)

    @pages.get("/metrics")
    def figures() -> Response:
        return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)

    return pages


def _keep_apart(settings: Settings) -> None:
    _, port = settings.metrics_bind or ("", 0)
    for_figures = _port(request.environ) == port
    if for_figures != (request.endpoint == PAGE) and not (
        for_figures and request.endpoint in _BESIDE
    ):
        abort(404)


def _port(environ: dict[str, Any]) -> int | None:
    """The port of this end of the connection; None for a socket without one."""
    sock = environ.get("gunicorn.socket")
    if sock is None:
        return int(environ["SERVER_PORT"])
    name = sock.getsockname()
    return int(name[1]) if isinstance(name, tuple) else None
