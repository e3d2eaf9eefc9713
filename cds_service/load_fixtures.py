"""Load the made-up test patients into a FHIR R4 server: `python -m cds_service.load_fixtures URL`.

Each patient is one transaction of PUT entries, so it arrives completely or not at all, and loading
twice leaves the same. Messages name the patient's story and the status; nothing that a server
answers is repeated, because it can hold values of a record.
Source: FHIR R4, transaction; fhir_fixtures/README.md.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import click
import orjson

import fhir_fixtures
from cds_service import clock
from cds_service.config import SANDBOX, SettingError, Settings, load
from cds_service.deadline import Deadline
from cds_service.fhir_client import FhirClient, HttpAnswer
from cds_service.fhir_server_policy import allowed_base
from cds_service.network_policy import ANYWHERE
from fhir_fixtures import JsonObject
from hooks.record import Reason, http_reason

TRANSACTION_SECONDS = 60
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("fhir_base")
@click.option(
    "--today/--reference-date",
    default=True,
    help="Move all dates so that the stories are of today, or leave them as they are.",
)
@click.option("--token-file", type=FILE, help="File with a bearer token for the server.")
def main(fhir_base: str, today: bool, token_file: Path | None) -> None:
    """Load the test patients into the FHIR server at FHIR_BASE. Nobody of them is a real person."""
    base = allowed_base(SANDBOX, (fhir_base,), fhir_base)
    if base is None:
        raise click.UsageError("FHIR_BASE is not the http(s) address of a FHIR server")
    try:
        settings = load()
    except SettingError as problem:
        sys.exit(f"load_fixtures: {problem}")
    token = token_file.read_text(encoding="utf-8").strip() if token_file else None
    day = clock.Clock(settings.now).now().date() if today else fhir_fixtures.REFERENCE_DATE
    refused = _load_all(settings, base, token, day)
    if refused:
        sys.exit(f"load_fixtures: {len(refused)} patients were not loaded: {', '.join(refused)}")
    click.echo(f"{len(fhir_fixtures.stories())} patients loaded, dated for {day}")


def _load_all(settings: Settings, base: str, token: str | None, day: date) -> list[str]:
    """The stories that the server refused; ends the program where the server does not answer."""
    client = FhirClient(settings.max_answer_bytes, ANYWHERE, workers=1)
    refused, stories = [], fhir_fixtures.stories()
    try:
        for number, story in enumerate(stories, 1):
            bundle = fhir_fixtures.shift(fhir_fixtures.load(story.name), day)
            answer = _send(client, base, bundle, token)
            if answer.reason and answer.status is None:
                sys.exit(f"load_fixtures: no answer to {story.name}: {answer.reason}")
            reason = refusal(answer, len(bundle["entry"]))
            outcome = f"refused: {reason}" if reason else f"{len(bundle['entry'])} resources"
            click.echo(f"{number:3}/{len(stories)} {story.name}: {outcome}")
            refused += [story.name] if reason else []
    finally:
        client.close()
    return refused


def _send(client: FhirClient, base: str, bundle: JsonObject, token: str | None) -> HttpAnswer:
    deadline = Deadline.after(clock.monotonic(), TRANSACTION_SECONDS * 1000)
    return client.post(base, orjson.dumps(bundle), token, deadline)


def refusal(answer: HttpAnswer, entries: int) -> str | None:
    """Why a transaction of so many entries was not accepted; None where it was.

    Reasons are those of `FhirClient.get`; `unreadable` for an answer that is none to a transaction.
    """
    if answer.reason:
        return answer.reason
    statuses = _statuses(answer.value)
    if len(statuses) != entries:
        return Reason.UNREADABLE
    failed = [status for status in statuses if not 200 <= status < 300]
    return http_reason(failed[0]) if failed else None


def _statuses(value: Any) -> list[int]:
    """The status of each entry of a transaction response; none where it is something else."""
    if not isinstance(value, dict) or value.get("type") != "transaction-response":
        return []
    try:
        return [int(entry["response"]["status"][:3]) for entry in value["entry"]]
    except (KeyError, TypeError, ValueError):
        return []


if __name__ == "__main__":
    main()
