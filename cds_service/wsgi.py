"""The application for WSGI servers: `cds_service.wsgi:app`, set up from the environment."""

from __future__ import annotations

from cds_service.app import create_app
from cds_service.config import load

app = create_app(load())
