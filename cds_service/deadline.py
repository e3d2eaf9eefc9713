"""The one absolute deadline of a hook call, counted from the receipt of the request."""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.clock import monotonic


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, in seconds, after which nothing is waited for."""

    at: float

    @classmethod
    def after(cls, received: float, milliseconds: float) -> Deadline:
        """The deadline so many milliseconds after a request was received (monotonic seconds)."""
        return cls(received + milliseconds / 1000)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - monotonic())

    def passed(self) -> bool:
        """Whether no time is left."""
        return self.remaining() == 0.0

    def within(self, seconds: float) -> Deadline:
        """The earlier of this deadline and the moment so many seconds from now."""
        return Deadline(min(self.at, monotonic() + seconds))
