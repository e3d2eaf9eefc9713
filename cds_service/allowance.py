"""How much all answers to one hook call may hold together; the deadline is the usual limit.

Source: trust section of the design (2.2, defaults): 64 MB, 25,000 resources; pages are a setting.
"""

from __future__ import annotations

import threading

MOST_BYTES = 64 * 1024 * 1024
MOST_RESOURCES = 25_000
"""Also of the whole chart, prefetch included."""


class Allowance:
    """What is left of bytes, resources and further pages; taken from by many threads."""

    def __init__(
        self, pages: int, resources: int = MOST_RESOURCES, byte_count: int = MOST_BYTES
    ) -> None:
        self._lock = threading.Lock()
        self._left = {"pages": pages, "resources": resources, "bytes": byte_count}

    def take_page(self) -> bool:
        """Whether one more page may be asked for."""
        return self._take("pages", 1)

    def take_resources(self, count: int) -> bool:
        """Whether so many more resources may be used."""
        return self._take("resources", count)

    def take_bytes(self, count: int) -> bool:
        """Whether so many more bytes may be kept."""
        return self._take("bytes", count)

    def _take(self, kind: str, count: int) -> bool:
        with self._lock:
            enough = self._left[kind] >= count
            if enough:
                self._left[kind] -= count
            return enough
