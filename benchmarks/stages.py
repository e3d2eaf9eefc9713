"""Where the time of one call goes, stage by stage, inside one process."""

from __future__ import annotations

import gc
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr

import orjson
from flask.testing import FlaskClient

from benchmarks import payloads, servers
from benchmarks.table import Table
from cds_service import answers, hook_call, strict_json
from cds_service.app import create_app
from cds_service.config import Settings
from cds_service.edge import edge_of

CALLS, WARM = 60, 5
PATH = f"/cds-services/{payloads.PATIENT_VIEW}"


def _milliseconds(works: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Median processor time of each, interleaved; the heap is frozen as in a worker."""
    for work in works.values():
        work()
    gc.collect()
    gc.freeze()
    rounds = [{name: _once(work) for name, work in works.items()} for _ in range(CALLS + WARM)]
    return {name: statistics.median(one[name] for one in rounds[WARM:]) for name in works}


def _once(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return (time.process_time() - begin) * 1000


@contextmanager
def client(folder: str, name: str = "bench", **settings: str) -> Iterator[FlaskClient]:
    """The application in this process, at the time of the payloads; its log goes nowhere."""
    environ = servers.environment(folder, name, **settings)
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        app = create_app(Settings.from_env(environ))
        yield app.test_client()
        edge_of(app).close()


def ask(asked: FlaskClient, body: bytes) -> None:
    """One chart opening. Raises where the answer is not 200."""
    status = asked.post(PATH, data=body, content_type="application/json").status_code
    if status != 200:
        raise RuntimeError(f"the service answered {status}")


def _stages(asked: FlaskClient, body: bytes) -> dict[str, float]:
    """Milliseconds by stage."""
    edge = edge_of(asked.application)
    service = edge.service(payloads.PATIENT_VIEW)
    call = hook_call.parse(service, body, 0.0)
    record = edge.record(service, call)
    cards = service.cards(record)
    held = answers.build(cards).body
    return _milliseconds(
        {
            "json.loads, for comparison": lambda: json.loads(body),
            "read the JSON strictly": lambda: strict_json.loads(body),
            "the same with the envelope": lambda: hook_call.parse(service, body, 0.0),
            "sort and index the record": lambda: edge.record(service, call),
            "the same with facts and cards": lambda: service.cards(edge.record(service, call)),
            "build the answer": lambda: answers.build(cards),
            "encode it": lambda: orjson.dumps(held),
            "the whole call in process": lambda: ask(asked, body),
        }
    )


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
        f"Median processor milliseconds of {CALLS} interleaved repetitions in one process, heap"
        " frozen.",
        ("stage", "280 KB", "2.3 MB"),
        rows,
    )
