"""The HAPI server that `HAPI_URL` names, and the service that asks it.

`python -m tests.hapi.run` starts such a server and runs these tests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from cds_service import load_fixtures
from tests import deck
from tests.hapi.client import Hapi
from tests.hapi.proxy import Proxy, proxy
from tests.hapi.server import answers
from tests.tools import write_golden

DEADLINE_MS = 30_000
"""Small pages and a busy machine: what is tested is what is answered, not how fast."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "hapi: needs a HAPI server (make test-hapi)")


@pytest.fixture(scope="session")
def hapi() -> Hapi:
    """The server to test on."""
    base = os.environ.get("HAPI_URL", "").rstrip("/")
    if not base:
        pytest.skip("no HAPI server: HAPI_URL is not set (make test-hapi)")
    if not answers(base):
        pytest.skip("no HAPI server answers at HAPI_URL")
    return Hapi(base)


@pytest.fixture(scope="session")
def loaded(hapi: Hapi) -> Hapi:
    """The server with the test patients, dated for the reference day."""
    done = CliRunner().invoke(load_fixtures.main, [hapi.base, "--reference-date"])
    assert done.exit_code == 0, done.output
    return hapi


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """The service on the reference day of the test patients."""
    folder = tmp_path_factory.mktemp("hapi")
    changes = {"DEADLINE_MS": DEADLINE_MS, "PUBLIC_URL": write_golden.PUBLIC_URL}
    return deck.flask_client(folder, write_golden.NOW, **changes)


@pytest.fixture(scope="session")
def later(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """The service at the time of the cases."""
    return deck.flask_client(tmp_path_factory.mktemp("cases"), DEADLINE_MS=DEADLINE_MS)


@pytest.fixture
def between(hapi: Hapi) -> Iterator[Proxy]:
    """A proxy in front of the server that can change what is asked and answered."""
    with proxy(hapi.base) as running:
        yield running
