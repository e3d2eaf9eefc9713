"""The web service: everything that touches HTTP, the environment, the clock or the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from cds_service.config import Settings


def create_app(settings: Settings) -> Flask:
    """The WSGI application with these settings; see `cds_service.app`."""
    # Imported late, so that one module of this package can be used without loading all others.
    from cds_service import app

    return app.create_app(settings)
