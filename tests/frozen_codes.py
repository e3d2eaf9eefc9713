"""Every code that the service knows, as a list in a file: dropping or adding one must be seen.

`python -m tests.frozen_codes` writes the list anew; its difference then belongs to the review.
"""

from __future__ import annotations

import csv
from pathlib import Path

from hooks.values import file_names
from hooks.values.codes import ICD_10_CM, value_set

FILE = Path(__file__).with_name("frozen_codes.csv")
HEADER = ("set", "system", "code", "match")

Row = tuple[str, str, str, str]
"""Value set, system, code (ICD-10-CM without dots), and how it matches."""


def known() -> list[Row]:
    """The codes of all value sets, sorted."""
    sets = [value_set(file.removesuffix(".json")) for file in file_names("value_sets", ".json")]
    exact = [(s.name, system, code, "exact") for s in sets for system, code in s.exact]
    prefixes = [(s.name, ICD_10_CM, prefix, "prefix") for s in sets for prefix in s.prefixes]
    return sorted(exact + prefixes)


def frozen() -> list[Row]:
    """The codes of the file, in its order."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = [tuple(row) for row in csv.reader(file)]
    assert rows[0] == HEADER
    return [(name, system, code, match) for name, system, code, match in rows[1:]]


def write() -> None:
    """Write the file anew."""
    with FILE.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *known()])


if __name__ == "__main__":
    write()
