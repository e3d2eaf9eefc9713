"""Value sets: which concept a coding means, and how it was recognised.

A value set is FHIR ValueSet JSON. An ICD-10-CM category with an `is-a` filter is read as a code
prefix; every other code matches exactly. Displays are never compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import TypeVar

import orjson

from hooks.fhir import CodeableConcept, Coding
from hooks.values import file_names

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
OWN_VALUE_SETS = "https://lm-cds-hooks.org/fhir/ValueSet"
"""The system whose codes are the names of our value sets: each is a member of its value set."""
_OID = "urn:oid:2.16.840.1.113883.6."
_ALIASES = {
    _OID + "90": ICD_10_CM,
    _OID + "96": "http://snomed.info/sct",
    _OID + "1": "http://loinc.org",
    _OID + "88": "http://www.nlm.nih.gov/research/umls/rxnorm",
    _OID + "69": "http://hl7.org/fhir/sid/ndc",
}


@dataclass(frozen=True, slots=True)
class ValueSet:
    """The codes of one concept: exact (system, code) pairs and ICD-10-CM prefixes without dots.

    `displays` holds the displays that the value set gives its exact codes.
    """

    name: str
    exact: frozenset[tuple[str, str]]
    prefixes: tuple[str, ...]
    displays: Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class _Index:
    """All value sets by what a coding is looked up with."""

    exact: dict[tuple[str, str], tuple[str, ...]]
    prefixes: dict[str, tuple[str, ...]]


_LONGEST = 8
EXACT = 100
"""Specificity of an exact match; a prefix match has the length of its prefix."""


_MOST_CODINGS, _SHORT = 8, 400
_MOST_REMEMBERED = 4096
T = TypeVar("T")


class _Memory(dict[CodeableConcept | None, T]):
    """What concepts mean, worked out where it is not remembered. It starts anew when it is full."""

    def __init__(self, function: Callable[[CodeableConcept | None], T]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, concept: CodeableConcept | None) -> T:
        found = self._function(concept)
        if concept is None or _is_short(concept):
            if len(self) >= _MOST_REMEMBERED:
                self.clear()
            self[concept] = found
        return found


def remembering_codes(
    function: Callable[[CodeableConcept | None], T],
) -> Callable[[CodeableConcept | None], T]:
    """Remember what a code means, which is the same for every patient.

    What is longer than a code with its names is worked out each time: it may tell of a patient.
    A call asks a thousand times, so what is remembered is found without a step in Python.
    """
    return _Memory(function).__getitem__


def _is_short(concept: CodeableConcept) -> bool:
    given = concept.coding or ()
    stated = filter(None, (concept.text, *(coding.display for coding in given)))
    return len(given) <= _MOST_CODINGS and sum(map(len, stated)) <= _SHORT


def normalised(coding: Coding) -> tuple[str, str]:
    """System URI with aliases replaced, and the code (ICD-10-CM without dots, upper case)."""
    system = coding.system or ""
    system = _ALIASES.get(system, system)
    code = coding.code or ""
    return system, code.replace(".", "").upper() if system == ICD_10_CM else code


@cache
def value_set(name: str) -> ValueSet:
    """The value set of this file name (without `.json`)."""
    path = resources.files("hooks.values") / "value_sets" / f"{name}.json"
    exact: set[tuple[str, str]] = set()
    prefixes: list[str] = []
    displays: dict[tuple[str, str], str] = {}
    for include in orjson.loads(path.read_bytes())["compose"]["include"]:
        system = include["system"]
        for concept in include.get("concept", ()):
            pair = normalised(Coding(system, concept["code"]))
            exact.add(pair)
            displays |= {pair: concept["display"]} if "display" in concept else {}
        for condition in include.get("filter", ()):
            prefixes.append(normalised(Coding(system, condition["value"]))[1])
    return ValueSet(name, frozenset(exact), tuple(prefixes), displays)


@cache
def _index() -> _Index:
    exact: dict[tuple[str, str], tuple[str, ...]] = {}
    prefixes: dict[str, tuple[str, ...]] = {}
    for file in file_names("value_sets", ".json"):
        found = value_set(file.removesuffix(".json"))
        exact[OWN_VALUE_SETS, found.name] = (found.name,)
        for pair in found.exact:
            exact[pair] = (*exact.get(pair, ()), found.name)
        for prefix in found.prefixes:
            prefixes[prefix] = (*prefixes.get(prefix, ()), found.name)
    return _Index(exact, prefixes)


def memberships(coding: Coding) -> Mapping[str, int]:
    """The value sets that a coding belongs to, each with how specifically it matches."""
    return _memberships(coding.system, coding.code)


@lru_cache(maxsize=16384)
def _memberships(given_system: str | None, given_code: str | None) -> Mapping[str, int]:
    """Remembered by system and code alone, which tell nothing about a patient."""
    system, code = normalised(Coding(given_system, given_code))
    index = _index()
    found: dict[str, int] = {}
    if system == ICD_10_CM:
        for length in range(1, min(len(code), _LONGEST) + 1):
            found.update(dict.fromkeys(index.prefixes.get(code[:length], ()), length))
    found.update(dict.fromkeys(index.exact.get((system, code), ()), EXACT))
    return found


def codings(concept: CodeableConcept | None) -> tuple[Coding, ...]:
    """The codings of a concept, none for an absent one."""
    return (concept.coding or ()) if concept else ()


def in_set(name: str, *concepts: CodeableConcept | None) -> bool:
    """Whether any coding of any of the concepts is in the value set."""
    for concept in concepts:
        for coding in codings(concept):
            if name in memberships(coding):
                return True
    return False


def display_in(name: str, *concepts: CodeableConcept | None) -> str:
    """The display of the value set for the first code in it; empty where there is none."""
    known = value_set(name).displays
    shown = (known.get(normalised(c), "") for concept in concepts for c in codings(concept))
    return next((display for display in shown if display), "")


def _best(names: Iterable[str], coding: Coding) -> tuple[int, str | None]:
    """The first most specific of the value sets for one coding."""
    found = memberships(coding)
    scored = [(found[name], name) for name in names if name in found]
    return max(scored, key=lambda pair: pair[0], default=(0, None))


def best_match(names: Iterable[str], *concepts: CodeableConcept | None) -> str | None:
    """The value set that matches most specifically (the longest ICD-10-CM entry wins)."""
    ordered = tuple(names)
    scored = [_best(ordered, c) for concept in concepts for c in codings(concept)]
    return max(scored, key=lambda pair: pair[0], default=(0, None))[1]


def all_matches(names: Iterable[str], *concepts: CodeableConcept | None) -> tuple[str, ...]:
    """Per coding the most specific value set; each named once, in the order of the codings."""
    ordered = tuple(names)
    found = [_best(ordered, c)[1] for concept in concepts for c in codings(concept)]
    return tuple(dict.fromkeys(name for name in found if name))
