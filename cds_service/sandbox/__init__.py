"""The sandbox profile: embedded FHIR server, start page, and the explanation of a call.

Everything here is for test data on the own host. Nothing of it is registered in production.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

from cds_service.clock import Clock
from cds_service.sandbox import explain, fhir_server, page
from cds_service.sandbox.seed import SandboxData

if TYPE_CHECKING:
    from cds_service.config import Settings


def register(app: Flask, settings: Settings) -> None:
    """Add the sandbox to an application."""
    now = Clock(settings.now).now
    data = SandboxData(now)
    app.register_blueprint(fhir_server.blueprint(data.repository, now))
    app.register_blueprint(explain.blueprint())
    app.register_blueprint(page.blueprint(now))
