"""The sandbox FHIR server alone, at a fixed time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service.sandbox import fhir_server
from cds_service.sandbox.repository import Repository

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def repository() -> Repository:
    return Repository(lambda: NOW)


@pytest.fixture
def fhir(repository: Repository) -> FlaskClient:
    app = Flask("fhir")
    app.register_blueprint(fhir_server.blueprint(lambda: repository, lambda: NOW))
    return app.test_client()
