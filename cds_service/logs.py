"""Structured log lines without patient data: events from an enum, fields from an allow-list.

A field that is not listed, or whose value has another shape than listed, is left out and counted
in `omitted`. Exception texts of libraries are never written: they can hold URLs with patient ids
or values of the record; the class and the code location stand in their place.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from enum import StrEnum
from types import TracebackType
from typing import Any, TextIO, TypeAlias

import orjson
import structlog

from cds_service.clock import Clock

OUR_PACKAGES = ("cds_service", "hooks")
_NOISY = ("urllib3", "urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Event(StrEnum):
    """Every log line of the service."""

    HOOK_ANSWERED = "hook-answered"
    CALL_REFUSED = "call-refused"
    FEEDBACK_STORED = "feedback-stored"
    STORE_FAILED = "store-failed"
    FAULT = "fault"
    SELF_TEST_FAILED = "self-test-failed"


Observer: TypeAlias = Callable[[Event, Mapping[str, Any]], None]


def _text(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and bool(compiled.fullmatch(value))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _list_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


_INDICATOR = _text(r"info|warning|critical")
_RECOMMENDATIONS = _list_of(_text(r"[a-z0-9-]{1,60}"))


def _card(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"id", "indicator", "recommendations"}
        and is_uuid(value["id"])
        and _INDICATOR(value["indicator"])
        and _RECOMMENDATIONS(value["recommendations"])
    )


def is_uuid(value: Any) -> bool:
    """Whether a value is a UUID in its usual text form."""
    return isinstance(value, str) and bool(_UUID.fullmatch(value))


FIELDS: dict[str, Callable[[Any], bool]] = {
    "endpoint": _text(r"[a-z_.]{1,60}"),
    "hook_instance": is_uuid,
    "status": _number,
    "milliseconds": _number,
    "cards": _list_of(_card),
    "failures": _list_of(_text(r"[A-Za-z]{1,40}: [a-z0-9-]{1,20}")),
    "error": _text(r"\w{1,80}"),
    "where": _text(r"[\w.]{1,120}:\d{1,6}"),
    "foreign": _number,
    "unreadable": _number,
    "queries": _number,
    "dropped_suggestions": _number,
    "items": _number,
    "calls": _number,
    "unknown": _number,
    "defects": _list_of(_text(r"\w{1,80}")),
    "repeated": _number,
    "token": _text(r"[a-z-]{1,20}"),
    "held_back": _text(r"circuit-open|too-many-waiting"),
    "known_answers": _list_of(_text(r"[a-z-]{1,40}/[a-z0-9-]{1,80}")),
}
"""The fields that may be logged, and the check that their values must pass."""


class _Lines:
    """Writes lines to a stream, standard error by default, and never fails.

    An answer must not be lost because its log line could not be written.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def info(self, line: str) -> None:
        stream = self._stream or sys.stderr
        with suppress(OSError, ValueError):
            stream.write(line + "\n")
            stream.flush()


class Log:
    """The log of one application.

    `services` and `clients` are what the fields `service` and `client` may hold; `observer` hears
    of every line, for the metrics.
    """

    def __init__(
        self,
        clock: Clock,
        services: Collection[str] = (),
        stream: TextIO | None = None,
        clients: Collection[str] = (),
        observer: Observer | None = None,
    ) -> None:
        self._observer = observer
        self._clock = clock
        self._labels = {"service": frozenset(services), "client": frozenset(clients)}
        self._logger = structlog.wrap_logger(
            _Lines(stream),
            processors=[self._only_listed, structlog.processors.JSONRenderer(_to_json)],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        )

    def write(self, event: Event, **fields: Any) -> None:
        """One line; see `FIELDS` for what it may hold. None means: not known here."""
        self._logger.info(event.value, **{k: v for k, v in fields.items() if v is not None})
        if self._observer:
            self._observer(event, fields)

    def fault(self, error: BaseException) -> None:
        """An unforeseen exception: its class and where in our code it came through."""
        self.write(
            Event.FAULT, error=type(error).__name__, where=code_location(error.__traceback__)
        )

    def store_failed(self, failure: BaseException) -> None:
        """The store could not be used; the class of the cause says why."""
        cause = type(failure.__cause__).__name__ if failure.__cause__ else "Resting"
        self.write(Event.STORE_FAILED, error=cause)

    def _only_listed(
        self, _logger: Any, _method: str, line: structlog.typing.EventDict
    ) -> dict[str, Any]:
        event = line.pop("event")
        kept = {name: value for name, value in line.items() if self._allowed(name, value)}
        omitted = {"omitted": len(line) - len(kept)} if len(kept) < len(line) else {}
        return {"at": self._clock.now().isoformat(), "event": event, **kept, **omitted}

    def _allowed(self, name: str, value: Any) -> bool:
        if name in self._labels:
            return isinstance(value, str) and value in self._labels[name]
        return name in FIELDS and FIELDS[name](value)


def code_location(trace: TracebackType | None) -> str | None:
    """`module:line` of the innermost frame that is our own code."""
    found = None
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        if module.split(".", 1)[0] in OUR_PACKAGES:
            found = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def quiet_libraries() -> None:
    """Keep URLs with patient ids out of the log: urllib3 writes them at DEBUG and WARNING."""
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.ERROR)


def _to_json(line: Any, **_options: Any) -> str:
    return orjson.dumps(line).decode()
