"""Prints what a call costs against HAPI: queries, whole call cold and warm, slowest query.

    python -m tests.hapi.measure

Each hook gets a server of its own, just started and loaded. Cold is the first call of a service
that has warmed itself up and says it is ready, to a server whose search code has not run yet;
warm is the median of 60 calls after 20 more. The slowest query is counted from the first question
of the same call to the last byte of the query that took longest: what is above it is ours.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

import orjson
from click.testing import CliRunner

from cds_service import load_fixtures
from cds_service.app import create_app
from cds_service.clock import monotonic
from cds_service.edge import Edge, edge_of
from cds_service.hook_call import parse
from cds_service.sandbox.example_calls import example_call
from cds_service.warm_up import warm_up
from hooks import SERVICES
from tests.hapi.build import CannotBuild
from tests.hapi.server import Options, hapi_server
from tests.live import settings
from tests.tools import write_golden

STORIES = {"lm-patient-view": "breast-papilloedema-old-mri", "lm-order-sign": "seven-items-at-once"}
BEFORE, MEASURED = 20, 60
HEAD = (
    "| hook | queries | cold: whole call, ms | cold: slowest query, ms "
    "| warm: whole call, ms | warm: slowest query, ms |\n|---|---|---|---|---|---|"
)


class Cost(NamedTuple):
    """One call: HTTP requests to the FHIR server, and milliseconds."""

    queries: int
    whole: float
    slowest: float


def cost(edge: Edge, service_id: str, body: bytes) -> Cost:
    """Make one call, from the body as received to the body of the answer."""
    begin, service = monotonic(), SERVICES[service_id]
    evaluation = edge.evaluate(service, parse(service, body, begin))
    orjson.dumps(evaluation.answer.body)
    whole = (monotonic() - begin) * 1000
    if evaluation.failures:
        raise SystemExit(f"{service_id}: not everything could be read")
    counts = evaluation.counts
    return Cost(counts.requests, whole, max(counts.milliseconds.values()))


def costs(service_id: str, base: str, folder: Path) -> list[Cost]:
    """The costs of the first call and of the later ones, in their order."""
    story = STORIES[service_id]
    call = example_call(story, service_id, write_golden.NOW, prefetch=False, fhir_server=base)
    app = create_app(settings(folder, write_golden.NOW, DEADLINE_MS=60_000))
    warm_up(app)
    edge = edge_of(app)
    edge.store.check(write_golden.NOW)
    try:
        return [cost(edge, service_id, orjson.dumps(call)) for _ in range(1 + BEFORE + MEASURED)]
    finally:
        edge.close()


def row(service_id: str, folder: Path) -> str:
    """The line of one hook, measured on a new server."""
    with hapi_server(Options()) as base:
        done = CliRunner().invoke(load_fixtures.main, [base, "--reference-date"])
        if done.exit_code:
            raise SystemExit(done.output)
        cold, *others = costs(service_id, base, folder)
    warm = others[BEFORE:]
    whole, slowest = median(c.whole for c in warm), median(c.slowest for c in warm)
    figures = (cold.queries, cold.whole, cold.slowest, whole, slowest)
    return f"| {SERVICES[service_id].hook} | " + " | ".join(f"{x:.0f}" for x in figures) + " |"


def main() -> None:
    """Print the table."""
    print(HEAD, flush=True)
    for service_id in STORIES:
        with tempfile.TemporaryDirectory() as folder:
            print(row(service_id, Path(folder)), flush=True)


if __name__ == "__main__":
    try:
        main()
    except CannotBuild as problem:
        sys.exit(f"hapi: {problem}")
