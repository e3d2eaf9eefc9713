"""What came of the last run: `results.yaml` beside this file, and `docs/mutation.md` from it.

python -m tests.mutation.report --seed 1     takes the outcomes of `make mutate` over
python -m tests.mutation.report              writes the page again
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.mutation import run
from tests.mutation.mutant import ROOT

HERE = Path(__file__).parent
RESULTS = HERE / "results.yaml"
EXPLAINED = HERE / "explained.yaml"
PAGE = ROOT / "docs" / "mutation.md"
BEGIN, END = "<!-- results -->", "<!-- end of results -->"
_AREAS = {
    "hooks/values/value_sets/": "value sets: each code dropped",
    "hooks/values/lexicon/": "text patterns: each alternative dropped, case flipped",
    "hooks/values/parameters/": "parameters: each number one step up and down, flags, units",
    "hooks/values/": "needs, exclusive sets, suggestions",
    "hooks/patient_view/": "recommendations and card order at chart open",
    "hooks/order_sign/": "recommendations and card order at order signing",
}


def _area(mutant: str) -> str:
    file = mutant.partition(" | ")[0]
    if file.endswith(".py"):
        return "/".join(file.split("/")[:2]) if file.count("/") > 1 else "hooks"
    return next(shown for start, shown in _AREAS.items() if file.startswith(start))


def _counted(kind: str, sample: int, seed: int) -> dict[str, Any]:
    """The outcomes of one kind by area, and the faults that nothing noticed."""
    outcomes = run.known(run.FOLDER / f"{kind}.jsonl")
    faults = [one.id for one in run.chosen(kind, sample, seed)]
    areas: dict[str, dict[str, int]] = defaultdict(lambda: {"tried": 0, "noticed": 0})
    for fault in faults:
        area = areas[_area(fault)]
        area["tried"] += fault in outcomes
        area["noticed"] += fault in outcomes and outcomes[fault].noticed
    survivors = sorted(f for f in faults if f in outcomes and not outcomes[f].noticed)
    possible = len(list(run.KINDS[kind]()))
    return {"possible": possible, "areas": dict(sorted(areas.items())), "survivors": survivors}


def take_over(sample: int, seed: int) -> None:
    """Write `results.yaml` from the files of the last runs."""
    held = {
        "sample": sample,
        "seed": seed,
        "knowledge": _counted("knowledge", 0, seed),
        "python": _counted("python", sample, seed),
    }
    RESULTS.write_text(yaml.safe_dump(held, sort_keys=False, width=1000), encoding="utf-8")


def results() -> dict[str, Any]:
    """The counts of the last run."""
    return dict(yaml.safe_load(RESULTS.read_text(encoding="utf-8")))


def explained() -> dict[str, str]:
    """Why a fault that nothing notices does no harm, by fault."""
    entries = yaml.safe_load(EXPLAINED.read_text(encoding="utf-8"))["explained"]
    return {fault: entry["reason"] for entry in entries for fault in entry["faults"]}


def gaps() -> set[str]:
    """Faults that no test notices and no reason explains."""
    return set(yaml.safe_load(EXPLAINED.read_text(encoding="utf-8"))["open"] or ())


def _table(held: dict[str, Any]) -> Iterator[str]:
    yield "| where | tried | noticed | score |"
    yield "|---|---:|---:|---:|"
    rows = [(name, row["tried"], row["noticed"]) for name, row in held["areas"].items()]
    rows.append(("**all**", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    for name, tried, noticed in rows:
        yield f"| {name} | {tried} | {noticed} | {100 * noticed / max(tried, 1):.1f} % |"


def _survivors(held: dict[str, Any], reasons: dict[str, str]) -> Iterator[str]:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for fault in held["survivors"]:
        by_reason[reasons.get(fault, "Not explained yet.")].append(fault)
    for reason, faults in by_reason.items():
        yield f"- {reason}"
        yield from (f"  - `{fault.replace('`', '')}`" for fault in faults)
    if not by_reason:
        yield "None."


def rendered(held: dict[str, Any], reasons: dict[str, str]) -> str:
    """The generated part of the page."""
    titles = {
        "knowledge": "## Knowledge files",
        "python": f"## Modules: a sample of {held['sample']} (seed {held['seed']})",
    }
    lines: list[str] = []
    for kind, title in titles.items():
        lines += [title, "", f"{held[kind]['possible']} faults are possible.", ""]
        lines += [*_table(held[kind]), "", "### Not noticed", ""]
        lines += [*_survivors(held[kind], reasons), ""]
    return "\n".join(lines)


def page() -> str:
    """The page with its generated part renewed."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{rendered(results(), explained())}\n{END}{rest.split(END)[1]}"


def main() -> None:
    """The command."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--sample", type=int, default=0)
    ask.add_argument("--seed", type=int, default=0, help="0: leave results.yaml as it is")
    asked = ask.parse_args()
    if asked.seed:
        take_over(asked.sample, asked.seed)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
