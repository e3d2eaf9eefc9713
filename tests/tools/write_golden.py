"""Writes `fhir_fixtures/hook_calls/<service>/<story>/{request,response}.json`.

    python -m tests.tools.write_golden

Each pair is one test patient's call with complete prefetch on the reference day of the fixtures.
What differs from run to run or with every change of the content (uuids, content version) is
replaced, so that a difference in these files is a difference in what a clinician would see. They
are also the known answers that every process asks itself for (`cds_service/self_test.py`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
from flask.testing import FlaskClient

import fhir_fixtures
from cds_service import self_test
from cds_service.app import create_app
from cds_service.config import Settings
from cds_service.edge import edge_of
from cds_service.sandbox.example_calls import example_call
from cds_service.self_test import NOW, PUBLIC_URL, scrubbed

FOLDER = Path(fhir_fixtures.__file__).parent / "hook_calls"


@contextmanager
def client(folder: Path) -> Iterator[FlaskClient]:
    """The application on the reference day, with its database in a folder."""
    environ = {
        "LM_CDS_PROFILE": "sandbox",
        "LM_CDS_NOW": NOW.isoformat(),
        "LM_CDS_PUBLIC_URL": PUBLIC_URL,
        "LM_CDS_DATABASE_URL": f"sqlite:///{folder}/golden.sqlite3",
    }
    app = create_app(Settings.from_env(environ))
    yield app.test_client()
    edge_of(app).close()


def calls() -> Iterator[tuple[str, str]]:
    """Every (service, story) that has something to be asked."""
    for story in fhir_fixtures.stories():
        for service in story.expected:
            yield service, story.name


def request_of(service: str, story: str) -> Any:
    """The request of one story to one service."""
    return example_call(story, service, NOW, prefetch=True)


def text(value: Any) -> bytes:
    """A file's content."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"


def write() -> None:
    """Replace all pairs. They are the known answers, so they cannot be asked for meanwhile."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    with (
        mock.patch.object(self_test, "failed", return_value=()),
        tempfile.TemporaryDirectory() as scratch,
        client(Path(scratch)) as http,
    ):
        for service, story in calls():
            request = request_of(service, story)
            answer = http.post(f"/cds-services/{service}", json=request)
            folder = FOLDER / service / story
            folder.mkdir(parents=True)
            (folder / "request.json").write_bytes(text(request))
            (folder / "response.json").write_bytes(text(scrubbed(answer.json)))


if __name__ == "__main__":
    write()
