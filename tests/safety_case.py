"""The safety case as data: hazards, scales, source attributes, and the pages made from them.

`python -m tests.safety_case` writes the pages anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests import deck

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "safety"
GUIDELINES = ROOT / "hooks" / "guidelines"
GENERATED = "<!-- Made by `python -m tests.safety_case`; edit the YAML file instead. -->"

Hazard = dict[str, Any]


def _read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


LOG: dict[str, Any] = _read("hazards.yaml")
SCALES: dict[str, Any] = _read("scales.yaml")
ATTRIBUTES: dict[str, Any] = _read("source-attributes.yaml")
HAZARDS: list[Hazard] = LOG["hazards"]


def risk(severity: int, likelihood: int) -> int:
    """The risk that the matrix gives."""
    found: int = SCALES["matrix"][likelihood][severity - 1]
    return found


def tests_of(hazard: Hazard) -> list[str]:
    """The proofs that the controls of a hazard name."""
    return [name for control in hazard.get("controls", ()) for name in control["tests"]]


@cache
def functions(file: Path) -> frozenset[str]:
    """The names of the functions of a module."""
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@cache
def deck_names() -> frozenset[str]:
    """The names of the cases in `tests/cases`, which `tests/test_own_cases.py` runs."""
    return frozenset(case.name for case in deck.own_cases())


def exists(proof: str) -> bool:
    """Whether a proof is there.

    It is a test function, `drill:` and a module with `run`, or `case:` and a case of the deck.
    """
    if proof.startswith("case:"):
        return proof.removeprefix("case:") in deck_names()
    if proof.startswith("drill:"):
        part = proof.removeprefix("drill:")
        return "run" in functions(ROOT / "tests" / "drill" / f"{part}.py")
    file, _, name = proof.partition("::")
    return name.partition("[")[0] in functions(ROOT / file)


def log_page() -> str:
    """The content of `hazard-log.md`."""
    return "\n".join([*_log_head(), *(line for h in HAZARDS for line in _hazard(h))])


def _log_head() -> Iterator[str]:
    yield "# Hazard log"
    yield ""
    yield GENERATED
    yield ""
    yield f"Assessed by: {LOG['assessed_by']}. Accepted: {LOG['accepted']}."
    yield ""
    yield from _scales()
    yield "| Id | Hazard | Risk before | Risk now |"
    yield "|---|---|---|---|"
    for hazard in sorted(HAZARDS, key=lambda h: -h["final_risk"]):
        link = f"[{hazard['id']}](#{hazard['id'].lower()})"
        before, now = shown(hazard["risk"]), shown(hazard["final_risk"])
        yield f"| {link} | {hazard['hazard']} | {before} | {now} |"
    yield ""


def _scales() -> Iterator[str]:
    for scale in ("severity", "likelihood", "risk"):
        yield f"| {scale.capitalize()} | | |"
        yield "|---|---|---|"
        for number, entry in SCALES[scale].items():
            yield f"| {number} | {entry['name']} | {entry['means']} |"
        yield ""
    yield "| Likelihood / severity | 1 | 2 | 3 | 4 | 5 |"
    yield "|---|---|---|---|---|---|"
    for likelihood, row in SCALES["matrix"].items():
        yield f"| {likelihood} | {' | '.join(map(str, row))} |"
    yield ""


def shown(number: int) -> str:
    """A risk with its name."""
    return f"{number} {SCALES['risk'][number]['name']}"


def _hazard(hazard: Hazard) -> Iterator[str]:
    severity, likelihood = hazard["severity"], hazard["likelihood"]
    yield f"## {hazard['id']}"
    yield ""
    yield f"**{hazard['hazard']}.**"
    yield ""
    yield f"- Causes: {'; '.join(hazard['causes'])}."
    yield f"- Effect: {hazard['effect']}"
    yield f"- Harm: {hazard['harm']}"
    yield f"- Before: severity {severity}, likelihood {likelihood}, risk {shown(hazard['risk'])}."
    yield from _controls(hazard)
    now = f"likelihood {hazard['final_likelihood']}, risk {shown(hazard['final_risk'])}"
    yield f"- Now: severity {severity}, {now}."
    yield f"- What remains: {hazard['remains']}"
    yield f"- Accepted: {hazard.get('accepted', LOG['accepted'])}."
    yield from _more(hazard)
    yield ""


def _controls(hazard: Hazard) -> Iterator[str]:
    if "no_control" in hazard:
        yield f"- No control: {hazard['no_control']}"
    for control in hazard.get("controls", ()):
        proofs = ", ".join(f"`{proof}`" for proof in control["tests"])
        yield f"- Control ({control['kind']}): {control['what']} Proof: {proofs}."


def _more(hazard: Hazard) -> Iterator[str]:
    if "awaits" in hazard:
        yield f"- Not proven by a test yet: {'; '.join(hazard['awaits'])}."
    for title, key in (("Silence of", "silent"), ("Wrong card of", "wrong")):
        if hazard[key]:
            yield f"- {title}: {', '.join(hazard[key])}."
    for title, key in (("Errors", "errors"), ("Reasons of missing data", "reasons")):
        if hazard.get(key):
            yield f"- {title}: {', '.join(hazard[key])}."
    if hazard["comment"]:
        yield f"- Comment: {hazard['comment']}"


BEGIN, END = "<!-- risks:begin -->\n", "<!-- risks:end -->"


def report_page() -> str:
    """The content of `README.md` with the present risks between its marks."""
    before, _, rest = (FOLDER / "README.md").read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + "\n".join([*_risks(), ""]) + END + rest.partition(END)[2]


def _risks() -> Iterator[str]:
    yield "| Risk now | Hazards |"
    yield "|---|---|"
    for number in SCALES["risk"]:
        yield f"| {shown(number)} | {len(_at(number))} |"
    for number in range(4, 6):
        for hazard in _at(number):
            link = f"[{hazard['id']}](hazard-log.md#{hazard['id'].lower()})"
            yield f"\n{shown(number).capitalize()}: {link} {hazard['hazard']}."


def _at(number: int) -> list[Hazard]:
    return [hazard for hazard in HAZARDS if hazard["final_risk"] == number]


def attributes_page() -> str:
    """The content of `source-attributes.md`."""
    return "\n".join(_attributes())


def _attributes() -> Iterator[str]:
    yield "# Source attributes"
    yield ""
    yield GENERATED
    yield ""
    yield ATTRIBUTES["introduction"]
    yield ""
    yield "| | Attribute | Answer |"
    yield "|---|---|---|"
    for number, entry in enumerate(ATTRIBUTES["attributes"], 1):
        yield f"| {number} | {entry['attribute']} | {entry['answer']} |"
    yield ""
    yield "## Bibliography"
    yield ""
    for file in sorted(GUIDELINES.glob("*.yaml")):
        guideline = yaml.safe_load(file.read_text(encoding="utf-8"))
        yield f"- {guideline['label']}: {guideline['citation']}"
    yield ""


PAGES = {
    "hazard-log.md": log_page,
    "source-attributes.md": attributes_page,
    "README.md": report_page,
}


if __name__ == "__main__":
    for page, content in PAGES.items():
        (FOLDER / page).write_text(content(), encoding="utf-8")
