"""How numbers are printed (HTI-1 rule: a leading and no trailing zero)."""

from __future__ import annotations


def shown(value: float) -> str:
    """A number for people: `0.5`, `12`, `1.41`; never `.5` or `12.0`."""
    return f"{round(value, 3):.3f}".rstrip("0").rstrip(".")
