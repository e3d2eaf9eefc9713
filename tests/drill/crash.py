"""kill -9 of the service, of single workers and of the database under a load of feedback.

After each kill the service is there again; at the end every feedback that was answered 204 must
be in the database exactly once. CRASH_KILLS=100 kills of the service on each kind of database.
"""

from __future__ import annotations

import http.client
import os
import random
import signal
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from cds_service.store import Store
from tests.drill.service import Service
from tests.drill.table import Table, machine, today
from tests.postgres import cluster

KILLS = int(os.environ.get("CRASH_KILLS", "100"))
CLIENTS = 6
PATH = "/cds-services/lm-patient-view/feedback"


@dataclass
class Load:
    """Clients that send feedback, some of it twice, and remember what was acknowledged."""

    port: int
    acknowledged: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    def send_until_over(self) -> None:
        """One client; what was not acknowledged is sent again, as clients do."""
        while not self.over.is_set():
            card = str(uuid.uuid4())
            while not self.over.is_set() and not self._send(card):
                time.sleep(0.05)
            if random.random() < 0.2:
                self._send(card)

    def _send(self, card: str) -> bool:
        item = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-20T12:00:00Z"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", PATH, orjson.dumps({"feedback": [item]}))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            self.refused[type(error).__name__] += 1
            return False
        finally:
            connection.close()
        if status == 204:
            self.acknowledged.append(card)
        else:
            self.refused[str(status)] += 1
        return status == 204


@contextmanager
def load(port: int) -> Iterator[Load]:
    """Clients at work."""
    made = Load(port)
    threads = [threading.Thread(target=made.send_until_over) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.over.set()
        for thread in threads:
            thread.join()


def _wait_for_more(found: Load, service: Service) -> None:
    """Until the load runs again, so that each kill meets writes in progress."""
    before, end = len(found.acknowledged), time.monotonic() + 30
    while len(found.acknowledged) < before + CLIENTS:
        assert time.monotonic() < end, f"no feedback is taken any more: {service.output[-500:]!r}"
        time.sleep(0.005)
    time.sleep(random.uniform(0, 0.05))


def _kill_service(service: Service) -> None:
    service.kill()
    service.start()


def _kill_worker(service: Service) -> None:
    workers = service.children()
    if workers:
        with suppress(ProcessLookupError):
            os.kill(random.choice(workers), signal.SIGKILL)


def _counted(url: str, found: Load) -> tuple[int, int]:
    """How many acknowledged items are not in the database, and how many are there twice."""
    with closing(Store(url)) as store:
        kept = Counter(row["card"] for row in store.feedback())
    lost = [card for card in set(found.acknowledged) if not kept[card]]
    return len(lost), sum(count > 1 for count in kept.values())


def drill(
    kind: str, url: str, folder: Path, server: cluster.Cluster | None = None, kills: int = KILLS
) -> tuple[str, ...]:
    """Kill by turns: the service, a worker, and now and then PostgreSQL itself."""
    service, counts = Service(url, folder), Counter[str]()
    service.start()
    try:
        with load(service.port) as found:
            for number in range(kills):
                _wait_for_more(found, service)
                if server and number % 20 == 10:
                    server.crash()
                    server.start_after_crash()
                    counts["database"] += 1
                    _wait_for_more(found, service)
                if number % 4 == 3:
                    _kill_worker(service)
                    counts["worker"] += 1
                else:
                    _kill_service(service)
                    counts["service"] += 1
            _wait_for_more(found, service)
    finally:
        service.stop()
    lost, twice = _counted(url, found)
    kills = (str(counts[each]) for each in ("service", "worker", "database"))
    told = (len(set(found.acknowledged)), len(found.acknowledged), found.refused.total())
    return (kind, *kills, *map(str, (*told, lost, twice)))


def _on_sqlite() -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as folder:
        return drill("SQLite", f"sqlite:///{folder}/lm-cds.sqlite3", Path(folder))


def _on_postgresql() -> tuple[str, ...]:
    binaries = cluster.binaries()
    if binaries is None:
        return ("PostgreSQL: not run, not installed", *["–"] * 8)
    with tempfile.TemporaryDirectory() as folder, cluster.made(binaries, cluster.DURABLE) as server:
        with closing(Store(server.url)) as store:
            store.migrate()
        return drill("PostgreSQL", server.url, Path(folder), server)


def run() -> Table:
    """Both databases."""
    rows = (_on_sqlite(), _on_postgresql())
    return Table(
        title="kill -9 under a load of feedback",
        floor="100 kills, no acknowledged feedback lost, none stored twice",
        columns=(
            "database",
            "kills of the service",
            "of a worker",
            "of the database",
            "feedback acknowledged",
            "answers 204",
            "not answered, sent again",
            "lost",
            "twice",
        ),
        rows=rows,
        passed=all(row[-2:] == ("0", "0") for row in rows),
        machine=machine(),
        measured=today(),
    )
