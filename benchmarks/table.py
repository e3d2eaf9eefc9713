"""What a benchmark found: a table, kept as JSON, from which `docs/performance.md` is made."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Table:
    """One benchmark: how it was made, its rows, and whether all that was asked for holds."""

    title: str
    text: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    passed: bool | None = None

    def markdown(self) -> Iterator[str]:
        """The table as it stands in the documentation."""
        yield from (f"## {self.title}", "", self.text, "")
        yield f"| {' | '.join(self.columns)} |"
        yield f"|{'---|' * len(self.columns)}"
        yield from (f"| {' | '.join(row)} |" for row in self.rows)
        yield ""

    def keep(self, part: str) -> None:
        """Keep what a part found, with the machine."""
        RESULTS.mkdir(exist_ok=True)
        text = json.dumps(asdict(self) | {"machine": machine()}, indent=1, ensure_ascii=False)
        (RESULTS / f"{part}.json").write_text(text + "\n", encoding="utf-8")


def shown(held: bool) -> str:
    """Whether a target holds, in a word."""
    return "held" if held else "**missed**"


def kept(part: str) -> tuple[Table, str]:
    """What a part found when it ran last, and on which machine."""
    held: dict[str, Any] = json.loads((RESULTS / f"{part}.json").read_text(encoding="utf-8"))
    where = held.pop("machine")
    rows = tuple(tuple(row) for row in held.pop("rows"))
    return Table(**held | {"columns": tuple(held["columns"]), "rows": rows}), where


def machine() -> str:
    """Processor, its cores, system and Python."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores = f"{len(names)} x {names[0]}" if names else platform.machine()
    return f"{cores}, {platform.system()}, Python {platform.python_version()}"
