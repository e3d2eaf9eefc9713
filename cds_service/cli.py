"""The command `lm-cds`: stored feedback, explanation of a chart, catalogue, sign-off, migrate."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson

from cds_service import clock, hook_call, sign_off
from cds_service.catalogue import document as catalogue_document
from cds_service.catalogue_markdown import rendered
from cds_service.chart_file import ChartFile, ChartFileError
from cds_service.config import SANDBOX, SettingError, load
from cds_service.deadline import Deadline
from cds_service.errors import ServiceError, StoreUnavailable
from cds_service.fhir_client import FhirClient
from cds_service.gather import gather
from cds_service.hook_call import ORDER_SIGN, PATIENT_VIEW
from cds_service.migrations.command import migrate
from cds_service.network_policy import ANYWHERE
from cds_service.store import Store
from hooks import SERVICES, Service
from hooks.fhir import JsonObject
from hooks.record import PatientRecord

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SERVER_SECONDS = 30


@click.group()
def main() -> None:
    """CDS Hooks service for leptomeningeal metastasis: tools for operators and reviewers."""


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of one line per item.")
@click.option("--comments", is_flag=True, help="Include free-text comments of users.")
def feedback(as_json: bool, comments: bool) -> None:
    """Print the feedback that was stored."""
    try:
        store = Store(load().database_url)
        rows = store.feedback(comments)
        store.close()
    except StoreUnavailable:
        sys.exit("lm-cds: the feedback store cannot be read")
    except SettingError as problem:
        sys.exit(f"lm-cds: {problem}")
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        click.echo(_feedback_line(row))


@main.command()
@click.option("--hook", type=click.Choice([PATIENT_VIEW, ORDER_SIGN]), required=True)
@click.option("--bundle", type=FILE, help="FHIR Bundle that holds the complete chart.")
@click.option("--server", help="Base URL of a FHIR server to read the chart from.")
@click.option("--patient", help="Patient id; needed with --server.")
@click.option("--token-file", type=FILE, help="File with a bearer token for --server.")
@click.option("--orders", type=FILE, help="Bundle or resource with the draft orders.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
def explain(
    hook: str,
    bundle: Path | None,
    server: str | None,
    patient: str | None,
    token_file: Path | None,
    orders: Path | None,
    as_json: bool,
) -> None:
    """Show for each recommendation whether it applies, and what that rests on.

    The chart comes from a file, which then counts as complete, or from a FHIR server. Draft
    orders of order-sign are those of --orders, else the MedicationRequests with status draft.
    """
    if (bundle is None) == (server is None) or (server and not patient):
        raise click.UsageError("give either --bundle FILE, or --server URL with --patient ID")
    try:
        service = _service(hook)
        chart = ChartFile.read(bundle, orders, patient)
        record = _record(service, chart.call(service, server, _token(token_file)), server)
    except (ChartFileError, SettingError) as problem:
        sys.exit(f"lm-cds: {problem}")
    except ServiceError as problem:
        sys.exit(f"lm-cds: {problem.text}")
    _print_explanation(service, record, as_json)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of Markdown.")
def catalogue(as_json: bool) -> None:
    """Print every recommendation and every source statement."""
    settings = _settled(load)
    signed = _settled(lambda: sign_off.current(settings))
    document = catalogue_document(signed, sign_off.running_version(settings))
    if as_json:
        _print_json(document)
    else:
        click.echo(rendered(document), nl=False)


@main.command("sign-off")
@click.option("--person", required=True, help="The clinician who answers for the content.")
@click.option("--role", required=True, help="Their role.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), required=True)
def write_sign_off(person: str, role: str, day: datetime) -> None:
    """Print the sign-off file of this content version, for the clinician to check and keep."""
    click.echo(sign_off.template(_settled(load), person, role, day.date()), nl=False)


T = TypeVar("T")


def _settled(read: Callable[[], T]) -> T:
    """What depends on settings; a wrong one ends the command with its message."""
    try:
        return read()
    except SettingError as problem:
        sys.exit(f"lm-cds: {problem}")


def _service(hook: str) -> Service:
    """The service of a hook, at this site. Raises `SettingError`."""
    own = next(each for each in SERVICES.values() if each.hook == hook)
    return own.at(load().site)


def _record(service: Service, body: JsonObject, server: str | None) -> PatientRecord:
    """The record of one call; a server given on the command line is allowed by that."""
    received = clock.monotonic()
    call = hook_call.parse(service, orjson.dumps(body), received)
    settings = load()
    if server:
        settings = dataclasses.replace(settings, profile=SANDBOX, fhir_servers=(server,))
    client = FhirClient(settings.max_answer_bytes, ANYWHERE)
    now = clock.Clock(settings.now).now()
    try:
        deadline = Deadline.after(received, SERVER_SECONDS * 1000)
        return gather(call, service, settings, client, deadline, now)
    finally:
        client.close()


def _token(file: Path | None) -> str | None:
    return file.read_text(encoding="utf-8").strip() if file else None


def _print_explanation(service: Service, record: PatientRecord, as_json: bool) -> None:
    entries = service.explanation(record)
    failures = [{"category": f.category, "reason": f.reason} for f in record.failures]
    if as_json:
        _print_json({"service": service.id, "failures": failures, "recommendations": entries})
        return
    for failure in failures:
        click.echo(f"COULD NOT READ {failure['category']}: {failure['reason']}")
    for entry in entries:
        click.echo("\n".join(_lines(entry)))


def _lines(entry: JsonObject) -> Iterator[str]:
    """One recommendation as text: outcome, facts with evidence, what is missing."""
    order = f" for {entry['order']}" if entry.get("order") else ""
    indicator = f" ({entry['indicator']})" if entry.get("indicator") else ""
    yield f"\n{entry['id']}{order}: {str(entry['outcome']).upper()}{indicator}"
    yield f"  {entry['title']}"
    for fact in entry["facts"]:
        value = f" ({fact['value']})" if fact.get("value") else ""
        yield f"  - {fact['question']} {fact['truth']}{value}"
        yield from (f"      {_evidence_line(each)}" for each in fact["evidence"])
        yield from (f"      missing: {name}" for name in fact["missing"])
    yield from (f"  not verified: {name}" for name in entry["notVerified"])


def _evidence_line(evidence: JsonObject) -> str:
    parts = [evidence["label"], evidence.get("value"), evidence.get("date"), evidence["reference"]]
    return ", ".join(str(part) for part in parts if part) + f" [{evidence['matched']}]"


def _feedback_line(row: JsonObject) -> str:
    about = ", ".join(f"{item['recommendation']} ({item['indicator']})" for item in row["items"])
    reasons = ", ".join(str(reason["code"]) for reason in row["overrideReasons"])
    comment = row.get("userComment")
    parts = [
        f"{row['outcomeTimestamp']} {row['service']} {row['outcome']}",
        about or "card not on record",
        f"reasons: {reasons}" if reasons else "",
        f"comment: {comment}" if comment else "",
    ]
    return "; ".join(part for part in parts if part)


def _print_json(value: Any) -> None:
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


main.add_command(migrate)

if __name__ == "__main__":
    main()
