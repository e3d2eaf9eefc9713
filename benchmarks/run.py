"""Runs benchmarks, keeps their tables, and writes `docs/performance.md` from them.

python -m benchmarks.run                  all parts
python -m benchmarks.run calls stages     some
python -m benchmarks.run --page           the page alone, from the tables that are kept

A part is a module of this package with `def run() -> Table`.
"""

from __future__ import annotations

import argparse
import importlib

from benchmarks.servers import ROOT
from benchmarks.table import RESULTS, Table, kept

PARTS = (
    *("calls", "limits", "stages", "fhir_server", "start"),
    *("growth", "recommendations", "concurrency"),
)
"""The parts, in the order of the page."""
PAGE = ROOT / "docs" / "performance.md"
BEGIN = "<!-- results -->"


def page() -> str:
    """The page from its introduction and the tables that are kept."""
    head = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    held = [kept(part) for part in PARTS if (RESULTS / f"{part}.json").exists()]
    machines = sorted({where for _, where in held})
    lines = [line for table, _ in held for line in table.markdown()]
    return "\n".join([f"{head}{BEGIN}", "", f"Machine: {'; '.join(machines)}.", "", *lines])


def run(part: str) -> None:
    """Run a part and keep its table."""
    table: Table = importlib.import_module(f"benchmarks.{part}").run()
    table.keep(part)
    print("\n".join(table.markdown()), flush=True)


def main() -> None:
    """The command."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("parts", nargs="*", default=PARTS, metavar="part")
    ask.add_argument("--page", action="store_true", help="write the page alone")
    asked = ask.parse_args()
    for part in () if asked.page else asked.parts:
        run(part)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
