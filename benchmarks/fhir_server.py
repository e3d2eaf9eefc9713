"""Calls without prefetch: every query of the hook goes to a FHIR server with a set latency."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from benchmarks import load, payloads, servers
from benchmarks.table import Table, shown
from hooks import SERVICES
from tests.served import free_port

LATENCY_MS, MORE_MS = 50.0, 10.0
ROUNDS, SECONDS = 5, 4.0
_ORDER = {
    "resourceType": "MedicationRequest",
    "id": "d",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/p"},
    "medicationCodeableConcept": {"text": "Methotrexate"},
    "dosageInstruction": [
        {
            "route": {"text": "intrathecal"},
            "doseAndRate": [{"doseQuantity": {"value": 12, "unit": "mg"}}],
        }
    ],
}


def _body(service: str, base: str) -> bytes:
    context: dict[str, Any] = {"userId": "Practitioner/u", "patientId": "p"}
    if service == payloads.ORDER_SIGN:
        entry = [{"resource": _ORDER}]
        context["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": entry}
    call = {"hook": SERVICES[service].hook, "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"}
    return json.dumps(call | {"context": context, "fhirServer": base}).encode()


@contextmanager
def _slow(milliseconds: float) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.slow_fhir", str(port), str(milliseconds)]
    core = ["taskset", "--cpu-list", str(servers.LOAD_CORE)]
    process = subprocess.Popen([*core, *command], cwd=servers.ROOT)
    try:
        _await(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _await(port: int) -> None:
    for _ in range(200):
        try:
            stats(f"http://127.0.0.1:{port}")
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the FHIR server did not start")


def stats(base: str) -> dict[str, int]:
    """Connections and queries so far."""
    with urllib.request.urlopen(f"{base}/stats", timeout=5) as answer:  # noqa: S310
        return dict(json.load(answer))


def _alone(server: servers.Server, path: str, body: bytes, seconds: float) -> load.Measured:
    """One round. At its end wrk leaves a call behind, which must not go on beside the next one."""
    measured = load.drive(server, path, body, 1, seconds)
    time.sleep(4 * LATENCY_MS / 1000)
    return measured


def _row(service: str) -> tuple[tuple[str, ...], bool]:
    path = f"/cds-services/{service}"
    with _slow(LATENCY_MS) as base, servers.folder() as folder:
        body = _body(service, f"{base}/fhir")
        with servers.running(servers.service(folder), path, body) as server:
            _alone(server, path, body, 1.0)
            before = stats(base)
            rounds = [_alone(server, path, body, SECONDS) for _ in range(ROUNDS)]
            after = stats(base)
    calls = sum(one.per_second * SECONDS for one in rounds)
    fresh = after["connections"] - before["connections"]
    p50, p99 = median(one.p50 for one in rounds), median(one.p99 for one in rounds)
    held = p50 <= LATENCY_MS + MORE_MS and fresh == 0
    cells = (
        service,
        f"{(after['queries'] - before['queries']) / calls:.0f}",
        f"{p50:.1f}",
        f"{p99:.1f}",
        f"{median(one.cpu for one in rounds):.1f}",
        str(fresh),
        shown(held),
    )
    return cells, held


def run() -> Table:
    """Both services."""
    found = [_row(service) for service in (payloads.ORDER_SIGN, payloads.PATIENT_VIEW)]
    return Table(
        "Calls without prefetch",
        f"Each query is answered after {LATENCY_MS:g} ms with one page; one call at a time. Asked"
        f" for: p50 at most {LATENCY_MS + MORE_MS:g} ms, no new connection once it runs.",
        (
            "service",
            "queries",
            "p50, ms",
            "p99, ms",
            "processor, ms",
            "new connections",
            "asked for",
        ),
        tuple(row for row, _ in found),
        all(held for _, held in found),
    )
