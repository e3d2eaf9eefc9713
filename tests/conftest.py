"""The application with a fixed clock and a database of its own, for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service import create_app, self_test
from cds_service.config import Settings
from cds_service.edge import edge_of
from tests import conformance

NOW = "2026-11-21T12:00:00Z"

# How long one example takes says more about the machine than about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True, scope="session")
def _every_answer_is_checked() -> Iterator[None]:
    """Each answer that any test gets through a Flask client must keep the general rules."""
    unchecked = FlaskClient.open

    def checked(self: FlaskClient, *args: Any, **kwargs: Any) -> TestResponse:
        response = unchecked(self, *args, **kwargs)
        conformance.check(response)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FlaskClient, "open", checked)
        yield


@pytest.fixture(autouse=True, scope="session")
def _known_answers_are_asked_before_anything_is_patched() -> None:
    """A process asks once; a test that breaks something must not be the first to ask."""
    app = create_app(Settings.from_env({"LM_CDS_PROFILE": "sandbox"}))
    self_test.failed(edge_of(app))
    edge_of(app).close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Sandbox settings at a fixed time, with an empty database."""
    return Settings.from_env(
        {
            "LM_CDS_PROFILE": "sandbox",
            "LM_CDS_NOW": NOW,
            "LM_CDS_DATABASE_URL": f"sqlite:///{tmp_path}/lm-cds.sqlite3",
        }
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application with these settings."""
    app = create_app(settings)
    yield app
    edge_of(app).close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Calls the application without a socket."""
    return app.test_client()
