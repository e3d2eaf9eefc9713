"""Replay: tokens that are sent many times at once to many workers are accepted once each.

Every token goes out in copies that start together, over several lanes, to discovery and to
`order-sign`, whose calls are answered even where the store is slow; then the service is restarted
and every token is sent once more. SQLite, and PostgreSQL where it is installed.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cds_service.store import Store
from tests.clients import OWN, PUBLIC, production
from tests.contract.calls import ORDER, call
from tests.drill.authenticated import ask, service
from tests.drill.table import Table, machine, today
from tests.postgres import cluster

COPIES = 10
LANES = 4
ENDPOINTS = ("/cds-services", f"/cds-services/{ORDER}")
COLUMNS = (
    *("Database", "Endpoint", "Calls", "Tokens", "Accepted exactly once", "More than once"),
    *("Never", "Other answers than 200 and 401", "Accepted after a restart", "Seconds"),
)


def run(tokens: int = 200, workers: int = 8) -> Table:
    """Replay against each database."""
    rows, held = [], True
    for name, database in _databases():
        with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as url:
            for path in ENDPOINTS if url else ():
                row, good = _measured(Path(folder), url, path, tokens, workers)
                rows.append((name, path, *row))
                held = held and good
            if not url:
                rows.append((name, "not run: not installed", *[""] * (len(COLUMNS) - 2)))
    return Table(
        title=f"Replay: {workers} workers, {tokens} tokens, each sent {COPIES} times at once",
        floor="each token accepted exactly once, also after a restart.",
        columns=COLUMNS,
        rows=tuple(rows),
        passed=held,
        machine=machine(),
        measured=today(),
    )


def _databases() -> Iterator[tuple[str, Callable[[Path], Any]]]:
    yield "SQLite", _sqlite
    yield "PostgreSQL", _postgresql


@contextmanager
def _sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder}/replay.sqlite3"


@contextmanager
def _postgresql(_: Path) -> Iterator[str]:
    binaries = cluster.binaries()
    if binaries is None:
        yield ""
        return
    with cluster.running(binaries) as url:
        store = Store(url)
        store.migrate()
        store.close()
        yield url


def _measured(
    folder: Path, url: str, path: str, tokens: int, workers: int
) -> tuple[tuple[str, ...], bool]:
    environ = production(folder, LM_CDS_DATABASE_URL=url)
    headers = [f"Bearer {OWN.token(PUBLIC + path)}" for _ in range(tokens)]
    body = None if path == ENDPOINTS[0] else call(ORDER)
    with service(environ, workers) as port:
        started = time.monotonic()
        answers = _sent_together(port, path, headers, body)
        seconds = time.monotonic() - started
    with service(environ, workers) as port:
        again = sum(ask(port, path, header, body)[0] == 200 for header in headers)
    accepted = Counter(min(found.count(200), 2) for found in answers)
    others = sum(status not in (200, 401) for found in answers for status in found)
    counts = (accepted[1], accepted[2], accepted[0], others, again)
    row = (str(tokens * COPIES), str(tokens), *map(str, counts), f"{seconds:.1f}")
    return row, counts == (tokens, 0, 0, 0, 0)


def _sent_together(
    port: int, path: str, headers: Sequence[str], body: Any
) -> list[tuple[int, ...]]:
    """The statuses that the copies of each token got."""
    shares = [headers[lane::LANES] for lane in range(LANES)]
    barriers = [threading.Barrier(COPIES) for _ in range(LANES)]

    def send(number: int) -> list[int]:
        lane = number % LANES
        statuses = []
        for header in shares[lane]:
            barriers[lane].wait(120)
            statuses.append(ask(port, path, header, body)[0])
        return statuses

    with ThreadPoolExecutor(LANES * COPIES) as threads:
        columns = list(threads.map(send, range(LANES * COPIES)))
    by_lane = [columns[lane::LANES] for lane in range(LANES)]
    return [found for lane in by_lane for found in zip(*lane, strict=True)]
