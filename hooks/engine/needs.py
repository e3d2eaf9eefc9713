"""The data needs of each hook: the published prefetch templates and the queries of the service."""

from __future__ import annotations

from hooks.record import DataNeed
from hooks.values import yaml_file


def needs_of(hook: str) -> tuple[DataNeed, ...]:
    """What a hook asks of the record, in the order of the data file."""
    rows = yaml_file("needs.yaml")["needs"]
    return tuple(
        DataNeed(
            key=key,
            resource_type=row["resource_type"],
            query=row["query"],
            hooks=frozenset(row["hooks"]),
            fallbacks=tuple(row.get("fallbacks", ())),
        )
        for key, row in rows.items()
        if hook in row["hooks"]
    )
