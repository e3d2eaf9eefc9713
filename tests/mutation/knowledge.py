"""Faults in the knowledge files of `hooks/`: a number, a code, a flag, a pattern, an indicator."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from tests.mutation.mutant import ROOT, Mutant, numbered

Content = Any
Path_ = tuple[str | int, ...]
Fault = tuple[Path_, str, Callable[[Content], None]]
"""Where in the content, what is changed, and the change itself."""

_NEVER = "(?!)"
_ESCAPED, _HAS_CASE = re.compile(r"\\."), re.compile("[A-Za-z]")
_INDICATORS = ("info", "warning", "critical")
_AT_IMPORT = frozenset({"hooks/values/parameters/targeted_options.yaml"})
"""Files that a module reads when it is imported."""
_LISTS = ("suggestions", "stale_suggestions", "override_reasons")


def _leaves(content: Content, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every scalar with its path."""
    entries: Any = ()
    if isinstance(content, dict):
        entries = content.items()
    elif isinstance(content, list):
        entries = enumerate(content)
    else:
        yield path, content
    for key, value in entries:
        yield from _leaves(value, (*path, key))


def _at(content: Content, path: Path_) -> Content:
    for key in path:
        content = content[key]
    return content


def _put(path: Path_, value: Any) -> Fault:
    """Another value at a path."""

    def change(content: Content) -> None:
        _at(content, path[:-1])[path[-1]] = value

    return path, f"-> {value}", change


def _drop(path: Path_, shown: str = "") -> Fault:
    """Nothing at a path."""

    def change(content: Content) -> None:
        del _at(content, path[:-1])[path[-1]]

    return path, f"{shown} dropped".strip(), change


def _drop_each(content: Content, *path: str | int) -> Iterator[Fault]:
    """Each entry of a list or mapping dropped."""
    held = _at(content, path)
    keys = held if isinstance(held, dict) else range(len(held))
    for key in keys:
        shown = str(key) if isinstance(held, dict) else _short(held[key])
        yield _drop((*path, key), shown)


def _short(entry: Any) -> str:
    text = entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:60]} … {text[-17:]}"


def _step(value: float) -> float:
    """1 in the last printed digit."""
    exponent = Decimal(str(value)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return float(Decimal(1).scaleb(exponent)) if exponent < 0 else 1


def _numbers(content: Content) -> Iterator[Fault]:
    for path, value in _leaves(content):
        if isinstance(value, int | float) and not isinstance(value, bool):
            for other in (value + _step(value), value - _step(value)):
                place, _, change = _put(path, round(other, 9))
                yield place, f"{value} -> {round(other, 9)}", change


def _parameters(name: str, content: Content) -> Iterator[Fault]:
    yield from _numbers(content)
    if name == "symptom_groups":
        yield from _findings(content)
    elif name == "eano_classification":
        for path, value in _leaves({k: content[k] for k in ("letters", "certainty")}):
            yield _put(path, f"not {value}")
    elif name == "targeted_options":
        for kind in ("tumours", "drugs"):
            yield from _drop_each(content, kind)
        for site in content["tumours"]:
            yield from _drop_each(content, "tumours", site, "markers")
            yield _put(("tumours", site, "label"), "another tumour")
        for marker in content["drugs"]:
            yield from _drop_each(content, "drugs", marker)
    elif name in ("units", "answer_codes"):
        for key, held in content.items():
            if isinstance(held, dict | list):
                yield from _drop_each(content, key)
    if "bands" in content:
        yield from _drop_each(content, "bands")


def _findings(content: Content) -> Iterator[Fault]:
    yield from _drop_each(content, "findings")
    for code, row in content["findings"].items():
        for flag in ("specific", "red_flag"):
            yield _put(("findings", code, flag), not row.get(flag, False))
        yield _put(("findings", code, "group"), "another group")
        yield _put(("findings", code, "label"), "another label")


def alternatives(pattern: str) -> list[str]:
    """The parts between the `|` of the top level of a regular expression."""
    parts, depth, start, i, in_class = [], 0, 0, 0, False
    while i < len(pattern):
        letter = pattern[i]
        if letter == "\\":
            i += 1
        elif in_class:
            in_class = letter != "]"
        elif letter == "[":
            in_class = True
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "|" and depth == 0:
            parts.append(pattern[start:i])
            start = i + 1
        i += 1
    return [*parts, pattern[start:]]


def _lexicon(content: Content) -> Iterator[Fault]:
    for name, term in content["terms"].items():
        for i, entry in enumerate(term["patterns"]):
            path: Path_ = ("terms", name, "patterns", i)
            found = alternatives(entry["pattern"])
            for j, part in enumerate(found):
                rest = "|".join(found[:j] + found[j + 1 :]) or _NEVER
                place, _, change = _put((*path, "pattern"), rest)
                yield place, f"{_short(part)} dropped", change
            if _HAS_CASE.search(_ESCAPED.sub("", entry["pattern"])):
                yield _put((*path, "case_sensitive"), not entry.get("case_sensitive", False))


def _recommendation(content: Content) -> Iterator[Fault]:
    for name, variant in content["variants"].items():
        for other in _INDICATORS:
            if other != variant["indicator"]:
                yield _put(("variants", name, "indicator"), other)
        for key in _LISTS:
            if key in variant:
                yield from _drop_each(content, "variants", name, key)
    for key in content.get("suggestions_by_unknown", {}):
        yield from _drop_each(content, "suggestions_by_unknown", key)
    for key in content.get("applies_when", {}):
        yield from _drop_each(content, "applies_when", key)
    for key in ("inputs", "windows"):
        yield from _drop_each(content, key)


def _catalogue(content: Content) -> Iterator[Fault]:
    yield from _numbers(content)
    yield _put(("by_indicator",), not content["by_indicator"])
    order = content["priority"]
    for i in range(len(order) - 1):
        swapped = [*order[:i], order[i + 1], order[i], *order[i + 2 :]]
        place, _, change = _put(("priority",), swapped)
        yield place, f"{order[i]} and {order[i + 1]} swapped", change
    for name in content.get("evidence", {}):
        yield from _drop_each(content, "evidence", name)


def _needs(content: Content) -> Iterator[Fault]:
    for key, row in content["needs"].items():
        path: Path_ = ("needs", key)
        for part in ("hooks", "fallbacks", "value_sets"):
            if part in row:
                yield from _drop_each(content, *path, part)
        for part in ("&", ","):
            pieces = row["query"].split(part)
            for i, piece in enumerate(pieces[1:], 1):
                place, _, change = _put((*path, "query"), part.join(pieces[:i] + pieces[i + 1 :]))
                yield place, f"{_short(part + piece)} dropped", change


def _exclusive_sets(content: Content) -> Iterator[Fault]:
    for group, members in content["groups"].items():
        for i in range(len(members)):
            yield from _drop_each(content, "groups", group, i)
    yield from _drop_each(content, "any")


def _suggestions(content: Content) -> Iterator[Fault]:
    yield from _drop_each(content, "suggestions")
    yield from _drop_each(content, "order_routes")
    for path, value in _leaves(content):
        if path[-1] in ("code", "system") and isinstance(value, str):
            yield _put(path, f"not-{value}")


def _value_set(content: Content) -> Iterator[Fault]:
    for i, include in enumerate(content["compose"]["include"]):
        for part in ("concept", "filter"):
            if part in include:
                yield from _drop_each(content, "compose", "include", i, part)


def faults(path: Path, content: Content) -> Iterator[Fault]:
    """The faults that fit a knowledge file; none for files of wording, sources and examples."""
    folder, name = path.parent.name, path.stem
    if folder == "parameters":
        yield from _parameters(name, content)
    elif folder == "lexicon":
        yield from _lexicon(content)
    elif folder == "value_sets":
        yield from _value_set(content)
    elif name == "_catalogue":
        yield from _catalogue(content)
    elif folder in ("patient_view", "order_sign"):
        yield from _recommendation(content)
    elif name in _BY_NAME:
        yield from _BY_NAME[name](content)


_BY_NAME: dict[str, Callable[[Content], Iterator[Fault]]] = {
    "needs": _needs,
    "exclusive_sets": _exclusive_sets,
    "suggestions": _suggestions,
}


def _read(path: Path) -> Content:
    """The content without shared parts: a fault is in one place."""
    return json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8"))))


def _mutant(path: Path, content: Content, fault: Fault) -> Mutant:
    place, change, apply = fault
    file = str(path.relative_to(ROOT))

    def text() -> str:
        changed = copy.deepcopy(content)
        apply(changed)
        if path.suffix == ".json":
            return json.dumps(changed, ensure_ascii=False)
        return yaml.safe_dump(changed, allow_unicode=True, sort_keys=False)

    return Mutant(file, ".".join(map(str, place)), change, text, file in _AT_IMPORT)


def mutants() -> Iterator[Mutant]:
    """Every fault of every knowledge file of `hooks/`."""
    files = sorted(p for p in (ROOT / "hooks").rglob("*") if p.suffix in (".yaml", ".json"))
    return numbered(
        _mutant(path, content, fault)
        for path in files
        for content in [_read(path)]
        for fault in faults(path, content)
    )
