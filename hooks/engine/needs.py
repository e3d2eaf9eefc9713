"""The data needs of each hook: the published prefetch templates and the queries of the service."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from hooks.record import DataNeed
from hooks.site import Site
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
            value_sets=tuple(row.get("value_sets", ())),
        )
        for key, row in rows.items()
        if hook in row["hooks"]
    )


def needs_at(needs: Iterable[DataNeed], site: Site) -> tuple[DataNeed, ...]:
    """The same needs; a query that lists codes also lists those of the site."""
    return tuple(_widened(need, site) for need in needs)


def _widened(need: DataNeed, site: Site) -> DataNeed:
    asked = [
        f",{system}|{code}"
        for (system, code), names in site.codes.items()
        if not set(names).isdisjoint(need.value_sets)
    ]
    query = re.sub(r"(?<=[?&]code=)[^&]*", lambda listed: listed[0] + "".join(asked), need.query)
    return replace(need, query=query)
