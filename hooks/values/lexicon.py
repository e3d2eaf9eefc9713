"""Text patterns by name, compiled once.

A term is a set of regular expressions (Python `re`), case-insensitive unless the entry says
otherwise; it matches where any of them does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache, wraps
from typing import Any, TypeVar

from hooks.values import file_names, yaml_file

T = TypeVar("T")


def _expression(entry: dict[str, Any]) -> str:
    pattern: str = entry["pattern"]
    return f"(?:{pattern})" if entry.get("case_sensitive") else f"(?i:{pattern})"


@cache
def _terms() -> dict[str, re.Pattern[str]]:
    compiled: dict[str, re.Pattern[str]] = {}
    for file in file_names("lexicon", ".yaml"):
        for name, term in yaml_file(f"lexicon/{file}")["terms"].items():
            if name in compiled:
                raise ValueError(f"lexicon/{file}: the term {name} is defined twice")
            compiled[name] = re.compile("|".join(_expression(entry) for entry in term["patterns"]))
    return compiled


def term(name: str) -> re.Pattern[str]:
    """The compiled pattern of a term; `KeyError` for a name that no lexicon file defines."""
    return _terms()[name]


_SHORT = 400


def remembering_short(function: Callable[..., T]) -> Callable[..., T]:
    """Remember the results for short texts (first argument); long ones are read each time.

    Codes and titles repeat from patient to patient, long texts do not, and memory has an end.
    """
    remembered = lru_cache(maxsize=8192)(function)

    @wraps(function)
    def read(text: str, *arguments: object) -> T:
        return (remembered if len(text) <= _SHORT else function)(text, *arguments)

    return read


@remembering_short
def names(text: str, name: str) -> bool:
    """Whether the text contains the term anywhere, negated or not."""
    return term(name).search(text) is not None
