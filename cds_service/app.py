"""Builds the application: settings in, Flask application out. Start reading here.

`routes` lists what can be called, `edge` follows a hook call, `errors` lists what can go wrong.
"""

from __future__ import annotations

from types import TracebackType

from flask import Flask

from cds_service import (
    catalogue_pages,
    client_auth,
    errors,
    metrics_pages,
    routes,
    sign_off,
    web_headers,
)
from cds_service import sandbox as sandbox_pages
from cds_service.admission import Admission
from cds_service.client_auth import Door
from cds_service.clock import Clock
from cds_service.config import Settings
from cds_service.edge import EXTENSION, Edge, edge_of
from cds_service.fhir_client import FhirClient
from cds_service.logs import Log, quiet_libraries
from cds_service.metrics import Metrics
from cds_service.store import Store
from cds_service.used_tokens import UsedTokens
from hooks import SERVICES


class CdsApplication(Flask):
    """Flask whose own fault log holds no traceback: values of a record can stand in one."""

    def log_exception(
        self,
        exc_info: tuple[type, BaseException, TracebackType] | tuple[None, None, None],
    ) -> None:
        """Log the class and the place of an exception that no handler took."""
        if exc_info[1] is not None:
            edge_of(self).log.fault(exc_info[1])


def create_app(settings: Settings) -> Flask:
    """The WSGI application with these settings.

    Raises `SettingError` in production without a clinician's sign-off of the running content, and
    without clients.
    """
    signed = sign_off.required(settings)
    client_auth.required(settings)
    quiet_libraries()
    app = CdsApplication("cds_service", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.url_map.merge_slashes = False
    app.logger.disabled = True  # It writes tracebacks, in which values of a record can stand.
    edge = _edge(settings)
    app.extensions[EXTENSION] = edge
    errors.register(app, edge.log)
    web_headers.register(app, settings)
    metrics_pages.register(app, settings, edge.metrics)
    app.register_blueprint(routes.blueprint)
    app.register_blueprint(
        catalogue_pages.blueprint(signed, edge.content_version, edge.services.values())
    )
    if settings.sandbox:
        sandbox_pages.register(app, settings)
    else:
        app.register_blueprint(routes.start_page)
    return app


def _edge(settings: Settings) -> Edge:
    clock = Clock(settings.now)
    services = {name: service.at(settings.site) for name, service in SERVICES.items()}
    store, metrics = Store(settings.database_url), Metrics(services)
    labels = [client.name for client in settings.clients]
    log = Log(clock, services, clients=labels, observer=metrics.logged)
    return Edge(
        settings=settings,
        clock=clock,
        client=FhirClient(
            settings.max_answer_bytes, settings.networks, observer=metrics.fhir_query
        ),
        store=store,
        log=log,
        services=services,
        door=Door(settings, clock, UsedTokens(store, log), client_auth.fetcher(settings.networks)),
        admission=Admission(),
        metrics=metrics,
    )
