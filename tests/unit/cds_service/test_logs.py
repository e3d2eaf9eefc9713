"""Log lines: closed events, listed fields, checked shapes, no text of exceptions."""

from __future__ import annotations

import io
import logging
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from cds_service.clock import Clock
from cds_service.logs import Event, Log, code_location, quiet_libraries

UUID = "7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10"


def line(**fields: Any) -> dict[str, Any]:
    stream = io.StringIO()
    log = Log(Clock(datetime(2026, 11, 21, tzinfo=UTC)), ["lm-order-sign"], stream)
    log.write(Event.HOOK_ANSWERED, **fields)
    text = stream.getvalue()
    assert text.count("\n") == 1
    read: dict[str, Any] = orjson.loads(text)
    assert (read.pop("at"), read.pop("event")) == ("2026-11-21T00:00:00+00:00", "hook-answered")
    return read


@pytest.mark.parametrize(
    "fields",
    [
        {"service": "lm-order-sign", "hook_instance": UUID, "status": 200, "milliseconds": 3.5},
        {"cards": [{"id": UUID, "indicator": "critical", "recommendations": ["mtx-interval"]}]},
        {"failures": ["Condition: http-503", "Observation: timeout"], "queries": 13},
        {"error": "OperationalError", "where": "cds_service.store:120"},
        {"cards": [], "failures": []},
    ],
    ids=str,
)
def test_listed_fields_are_written(fields: dict[str, Any]) -> None:
    assert line(**fields) == fields


@pytest.mark.parametrize(
    "fields",
    [
        {"patient": "Jane Roe"},
        {"service": "Jane Roe"},
        {"service": ["lm-order-sign"]},
        {"hook_instance": "Jane Roe"},
        {"hook_instance": f"{UUID} Jane Roe"},
        {"status": "Jane Roe"},
        {"status": True},
        {"cards": "Jane Roe"},
        {"cards": [{"id": UUID, "indicator": "critical", "recommendations": ["Jane Roe"]}]},
        {
            "cards": [
                {"id": UUID, "indicator": "critical", "recommendations": [], "summary": "Jane Roe"}
            ]
        },
        {"failures": ["Condition: Jane Roe"]},
        {"error": "Jane Roe"},
        {"where": "/records/Jane Roe:1"},
    ],
    ids=str,
)
def test_everything_else_is_left_out_and_counted(fields: dict[str, Any]) -> None:
    assert line(**fields) == {"omitted": 1}


def test_what_is_not_known_is_not_written() -> None:
    assert line(hook_instance=None, service="lm-order-sign") == {"service": "lm-order-sign"}


def test_a_fault_shows_class_and_place_only() -> None:
    stream = io.StringIO()
    log = Log(Clock(), (), stream)
    try:
        code_location("Jane Roe")  # type: ignore[arg-type]
    except AttributeError as error:
        log.fault(error)
    written = orjson.loads(stream.getvalue())
    assert (written["event"], written["error"]) == ("fault", "AttributeError")
    assert written["where"].startswith("cds_service.logs:")
    assert "Jane" not in stream.getvalue()


def test_a_fault_outside_our_code_has_no_place() -> None:
    with pytest.raises(ValueError, match="Jane") as caught:
        int("Jane Roe")
    assert code_location(caught.tb) is None


def test_store_failures_name_the_cause() -> None:
    stream = io.StringIO()
    failure = RuntimeError("Jane Roe")
    failure.__cause__ = OSError("Jane Roe")
    Log(Clock(), (), stream).store_failed(failure)
    assert '"error":"OSError"' in stream.getvalue()
    assert "Jane" not in stream.getvalue()


def test_urllib3_cannot_write_addresses(caplog: pytest.LogCaptureFixture) -> None:
    quiet_libraries()
    with caplog.at_level(logging.DEBUG):
        for name in ("urllib3", "urllib3.connectionpool", "urllib3.util.retry"):
            logging.getLogger(name).debug("GET /fhir/Condition?patient=lm-1")
            logging.getLogger(name).warning("Failed to parse headers (url=/Condition?patient=lm-1)")
    assert caplog.records == []


def test_the_log_goes_to_standard_error_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    Log(Clock()).write(Event.FEEDBACK_STORED, items=1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert '"items":1' in captured.err


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_costs_no_answer() -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (closed, Full()):
        Log(Clock(), (), stream).write(Event.FEEDBACK_STORED, items=1)
