"""Runs drills one after the other, keeps their tables, and writes `docs/drill.md` from them.

python -m tests.drill.run                  all parts
python -m tests.drill.run matrix replay    some
python -m tests.drill.run --page           the page alone, from the tables that are kept

A part is a module of this package with `def run() -> Table`. It ends with 1 if a part did not hold.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from tests.drill.table import RESULTS, Table, kept

PARTS: tuple[str, ...] = (
    "matrix",
    "overload",
    "drain",
    "crash",
    "tokens",
    "replay",
    "hostile",
    "fuzz",
)
"""The parts, in the order of the page."""
PAGE = Path(__file__).parents[2] / "docs" / "drill.md"
_HEAD = """# Drills

Faults, attacks and load, with real sockets and real processes. `make drill` runs all of them and
writes this page; `make drill PARTS="matrix"` runs some.
"""


def page() -> str:
    """The page from the tables that are kept."""
    tables = [kept(part) for part in PARTS if (RESULTS / f"{part}.json").exists()]
    return "\n".join([_HEAD, *(line for table in tables for line in table.markdown())])


def run(part: str) -> Table:
    """Run a part and keep its table."""
    table: Table = importlib.import_module(f"tests.drill.{part}").run()
    table.keep(part)
    print("\n".join(table.markdown()), flush=True)
    return table


def main() -> None:
    """The command."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("parts", nargs="*", default=PARTS, metavar="part")
    ask.add_argument("--page", action="store_true", help="write the page alone")
    asked = ask.parse_args()
    tables = [] if asked.page else [run(part) for part in asked.parts]
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit(not all(table.passed for table in tables))


if __name__ == "__main__":
    main()
