"""What a tool of the audit found."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """How a check ended. Not checked is not clean."""

    CLEAN = "nothing found"
    FOUND = "found"
    NOT_CHECKED = "NOT CHECKED"


@dataclass(frozen=True)
class Check:
    """One check: the tool with its version, what it looked at, and what it found."""

    name: str
    tool: str
    state: State
    summary: str
    lines: tuple[str, ...] = field(default=())
