"""What a prefetched patient-view costs beside an empty Flask view that parses the same body.

`make bench` prints medians of interleaved rounds in milliseconds and their ratio.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, request

from cds_service.app import create_app
from cds_service.config import Settings
from hooks import SERVICES

ROUNDS, CALLS = 7, 40
PATIENT = "bench"
NOW = "2026-11-21T12:00:00Z"


def _about(kind: str, number: int, **members: Any) -> dict[str, Any]:
    subject = {"reference": f"Patient/{PATIENT}"}
    return {"resourceType": kind, "id": f"{kind}-{number}", "subject": subject, **members}


def _observation(number: int) -> dict[str, Any]:
    """A vital sign with the weight of a real one."""
    coding = [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]
    unit = {"value": 60 + number % 40, "unit": "/min", "system": "http://unitsofmeasure.org"}
    note = [{"text": "Measured at rest, sitting, by the ward team. " * 22}]
    return _about(
        "Observation",
        number,
        status="final",
        code={"coding": coding, "text": "Heart rate"},
        effectiveDateTime=f"2026-{number % 9 + 1:02}-1{number % 9}T08:00:00Z",
        valueQuantity={**unit, "code": "/min"},
        note=note,
    )


def _resources(observations: int) -> dict[str, list[dict[str, Any]]]:
    icd = "http://hl7.org/fhir/sid/icd-10-cm"
    codes = ["C50.9", "R51.9", "H53.2", *("I10" for _ in range(17))]
    return {
        "Patient": [{"resourceType": "Patient", "id": PATIENT, "birthDate": "1970-05-05"}],
        "Condition": [
            _about(
                "Condition",
                n,
                code={"coding": [{"system": icd, "code": code}]},
                recordedDate="2026-11-01",
            )
            for n, code in enumerate(codes)
        ],
        "MedicationRequest": [
            _about(
                "MedicationRequest",
                n,
                status="active",
                intent="order",
                medicationCodeableConcept={"text": "Metformin 500 mg"},
            )
            for n in range(30)
        ],
        "Observation": [_observation(n) for n in range(observations)],
    }


def body(observations: int) -> bytes:
    """A patient-view call with every prefetch key of the service."""
    resources = _resources(observations)
    prefetch: dict[str, Any] = {}
    for need in SERVICES["lm-patient-view"].needs:
        found = resources.get(need.resource_type, [])
        entries = [{"resource": resource} for resource in found]
        prefetch[need.key] = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
        if need.resource_type == "Observation":
            resources["Observation"] = []
    prefetch["patient"] = resources["Patient"][0]
    call = {"hook": "patient-view", "hookInstance": "7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10"}
    context = {"userId": "Practitioner/p1", "patientId": PATIENT}
    return json.dumps({**call, "context": context, "prefetch": prefetch}).encode()


def _floor() -> Flask:
    app = Flask("floor")

    @app.post("/cds-services/lm-patient-view")
    def empty() -> dict[str, Any]:
        return {"cards": [{"summary": str(len(json.loads(request.get_data())["prefetch"]))}]}

    return app


def _milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) * 1000 / CALLS


def compare(payload: bytes) -> tuple[float, float]:
    """Median milliseconds per call of the floor and of the service, interleaved."""
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/bench.sqlite3"
        environ = {"LM_CDS_PROFILE": "sandbox", "LM_CDS_NOW": NOW, "LM_CDS_DATABASE_URL": database}
        clients = [_floor().test_client(), create_app(Settings.from_env(environ)).test_client()]
        path = "/cds-services/lm-patient-view"
        runs: list[list[float]] = [[], []]
        for _ in range(ROUNDS):
            for client, times in zip(clients, runs, strict=True):
                times.append(_milliseconds(lambda c=client: c.post(path, data=payload)))  # type: ignore[misc]
    return statistics.median(runs[0]), statistics.median(runs[1])


def main() -> None:
    """Print one line per payload."""
    out = sys.stdout.write
    out(f"{'payload':>12} {'empty view':>11} {'service':>9} {'ratio':>6}\n")
    for observations in (200, 2000):
        payload = body(observations)
        floor, service = compare(payload)
        out(f"{len(payload):>10} B {floor:>8.2f} ms {service:>6.2f} ms {service / floor:>6.2f}\n")


if __name__ == "__main__":
    main()
