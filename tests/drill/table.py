"""What a drill found: a table, kept as JSON, from which `docs/drill.md` is made."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")


def machine() -> str:
    """On what a drill ran."""
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def today() -> str:
    """When a drill ran."""
    return datetime.now(UTC).date().isoformat()


@dataclass(frozen=True)
class Table:
    """One drill: what was asked for (`floor`), what was measured, and whether it held."""

    title: str
    floor: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    passed: bool
    machine: str
    measured: str

    def markdown(self) -> Iterator[str]:
        """The table as it stands in the documentation."""
        yield f"## {self.title}"
        yield ""
        yield f"Asked for: {self.floor}"
        yield f"**{'Held' if self.passed else 'Did not hold'}**, {self.measured}, {self.machine}."
        yield ""
        yield f"| {' | '.join(self.columns)} |"
        yield f"|{'---|' * len(self.columns)}"
        for row in self.rows:
            yield f"| {' | '.join(row)} |"
        yield ""

    def keep(self, part: str) -> None:
        """Keep what a part found."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        (RESULTS / f"{part}.json").write_text(text + "\n", encoding="utf-8")


def kept(part: str) -> Table:
    """What a part found when it ran last."""
    held: dict[str, Any] = json.loads((RESULTS / f"{part}.json").read_text(encoding="utf-8"))
    rows = tuple(tuple(row) for row in held.pop("rows"))
    return Table(**held | {"columns": tuple(held["columns"]), "rows": rows})
