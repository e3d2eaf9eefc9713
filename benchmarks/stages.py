"""Where the time of one call goes, stage by stage, inside one process."""

from __future__ import annotations

import gc
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr

import orjson
from flask.testing import FlaskClient

from benchmarks import payloads, servers
from benchmarks.table import Table
from cds_service import answers, hook_call, strict_json
from cds_service.app import create_app
from cds_service.config import Settings
from cds_service.edge import edge_of
from tests.charts.build import NOW

CALLS = 60


def _milliseconds(work: Callable[[], object]) -> float:
    """Median processor time; the heap is frozen as in a worker."""
    for _ in range(5):
        work()
    gc.collect()
    gc.freeze()
    times = []
    for _ in range(CALLS):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times) * 1000


@contextmanager
def client(folder: str, name: str = "bench", **settings: str) -> Iterator[FlaskClient]:
    """The application in this process, at the time of the payloads; its log goes nowhere."""
    environ = {
        "LM_CDS_PROFILE": "sandbox",
        "LM_CDS_NOW": NOW.isoformat(),
        "LM_CDS_DATABASE_URL": f"sqlite:///{folder}/{name}.sqlite3",
    } | {f"LM_CDS_{setting}": value for setting, value in settings.items()}
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        app = create_app(Settings.from_env(environ))
        yield app.test_client()
        edge_of(app).close()


def _stages(asked: FlaskClient, body: bytes) -> dict[str, float]:
    """Milliseconds by stage."""
    edge = edge_of(asked.application)
    service = edge.service(payloads.PATIENT_VIEW)
    path = f"/cds-services/{service.id}"
    call = hook_call.parse(service, body, 0.0)
    record = edge.record(service, call)
    cards = service.cards(record)
    held = answers.build(cards).body
    return {
        "json.loads, for comparison": _milliseconds(lambda: json.loads(body)),
        "read the JSON strictly": _milliseconds(lambda: strict_json.loads(body)),
        "the same with the envelope": _milliseconds(lambda: hook_call.parse(service, body, 0.0)),
        "sort and index the record": _milliseconds(lambda: edge.record(service, call)),
        "the same with facts and cards": _milliseconds(
            lambda: service.cards(edge.record(service, call))
        ),
        "build the answer": _milliseconds(lambda: answers.build(cards)),
        "encode it": _milliseconds(lambda: orjson.dumps(held)),
        "the whole call in process": _milliseconds(
            lambda: asked.post(path, data=body, content_type="application/json")
        ),
    }


def run() -> Table:
    """Both sizes of a chart that is opened."""
    columns = []
    for observations in (200, 2000):
        with servers.folder() as folder, client(folder) as asked:
            columns.append(_stages(asked, payloads.patient_view(observations)))
    small, large = columns
    rows = tuple((name, f"{small[name]:.2f}", f"{large[name]:.2f}") for name in small)
    return Table(
        "Stages of a call",
        f"Median processor milliseconds of {CALLS} repetitions in one process, heap frozen.",
        ("stage", "280 KB", "2.3 MB"),
        rows,
    )
