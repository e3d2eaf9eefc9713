"""Tokens: every row of the table of tokens, sent to the running service in production."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from tests.clients import production
from tests.drill.authenticated import ask, service
from tests.drill.table import Table, machine, today
from tests.token_table import ROWS, Row, entries

PATH = "/cds-services"
BEFORE_THE_APPLICATION = {"too-large": 431}
"""What gunicorn refuses by itself: header lines above 8190 bytes."""


def run() -> Table:
    """Send every token, and compare status and logged reason with the row."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "log"
        with service(production(folder, *entries(folder)), log=log) as port:
            found = [_sent(port, row, log) for row in ROWS]
    refusals = {answer for status, answer, _ in found if status == 401}
    rows = [_row(row, status, reason) for row, (status, _, reason) in zip(ROWS, found, strict=True)]
    good = sum(row[-1] == "yes" for row in rows)
    return Table(
        title=f"Tokens: {len(ROWS)} of them by HTTP, {good} as expected",
        floor="at least 40 tokens, all as expected, and one body for every 401 "
        f"(found: {len(refusals)}).",
        columns=("Token", "Expected", "Status", "Reason in the log", "As expected"),
        rows=tuple(rows),
        passed=good == len(ROWS) >= 40 and len(refusals) == 1,
        machine=machine(),
        measured=today(),
    )


def _sent(port: int, row: Row, log: Path) -> tuple[int, bytes, str | None]:
    """Status, body and logged reason of the call that is meant."""
    header = row.header(time.time())
    if row.twice:
        ask(port, PATH, header)
    before = log.stat().st_size
    status, body = ask(port, PATH, header)
    return status, body, _reason(log.read_text(encoding="utf-8")[before:])


def _reason(lines: str) -> str | None:
    return str(json.loads(lines).get("token")) if lines else None


def _row(row: Row, status: int, reason: str | None) -> tuple[str, ...]:
    expected = (200, None) if row.reason is None else (401, row.reason)
    if row.reason in BEFORE_THE_APPLICATION:
        expected = BEFORE_THE_APPLICATION[row.reason], None
    good = "yes" if (status, reason) == expected else "NO"
    return row.name, row.reason or "accepted", str(status), reason or "–", good
