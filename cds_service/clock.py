"""The only reader of time: UTC now, which the sandbox may fix, and the monotonic clock."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime

_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one application; `fixed` is the time that `LM_CDS_NOW` pins, in UTC."""

    fixed: datetime | None = None

    def now(self) -> datetime:
        """The present time in UTC."""
        return self.fixed or datetime.now(UTC)


def monotonic() -> float:
    """Seconds on a clock that never jumps; only differences mean something."""
    return time.monotonic()


def instant(text: str) -> datetime | None:
    """An RFC 3339 date-time in UTC, rounded down to microseconds; None where it is none."""
    if not _RFC_3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
