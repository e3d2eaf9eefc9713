"""The real application on a real socket, with a fixed clock, for tests of one call end to end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from cds_service.app import create_app
from cds_service.config import Settings
from hooks import CONTENT_VERSION
from tests.charts.build import NOW
from tests.charts.fhir_server import TestServer, fhir_server, serving

__all__ = ["TestServer", "application", "fhir_server", "settings", "signed_off"]


def settings(folder: Path, now: datetime = NOW, **changes: Any) -> Settings:
    """Sandbox settings with a fixed clock and a database in `folder`."""
    values = {"PROFILE": "sandbox", "NOW": now.isoformat(), "DEADLINE_MS": 5000}
    values |= {"DATABASE_URL": f"sqlite:///{folder}/lm-cds.sqlite3"} | changes
    return Settings.from_env({f"LM_CDS_{name}": str(value) for name, value in values.items()})


def signed_off(folder: Path, content_version: str = CONTENT_VERSION) -> Path:
    """A sign-off file as production needs it, made up for a test."""
    file = folder / "sign-off.yaml"
    lines = (
        f"content_version: {content_version}",
        "person: Test Person",
        "role: neuro-oncologist",
        "date: 2026-11-21",
    )
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@contextmanager
def application(configured: Settings) -> Iterator[str]:
    """The real application on a free port of this host; yields its base URL."""
    server = make_server("127.0.0.1", 0, create_app(configured), threaded=True)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"
