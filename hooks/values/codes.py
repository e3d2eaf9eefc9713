"""Value sets: which concept a coding means, and how it was recognised.

A value set is FHIR ValueSet JSON. An ICD-10-CM category with an `is-a` filter is read as a code
prefix; every other code matches exactly. Displays are never compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

import orjson

from hooks.fhir import CodeableConcept, Coding

ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
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
    """The codes of one concept: exact (system, code) pairs and ICD-10-CM prefixes without dots."""

    name: str
    exact: frozenset[tuple[str, str]]
    prefixes: tuple[str, ...]

    def specificity(self, coding: Coding) -> int:
        """How specifically a coding matches: 0 not at all, else length of the matched code."""
        system, code = normalised(coding)
        if (system, code) in self.exact:
            return 100
        if system != ICD_10_CM:
            return 0
        return max((len(prefix) for prefix in self.prefixes if code.startswith(prefix)), default=0)


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
    for include in orjson.loads(path.read_bytes())["compose"]["include"]:
        system = include["system"]
        for concept in include.get("concept", ()):
            exact.add(normalised(Coding(system, concept["code"])))
        for condition in include.get("filter", ()):
            prefixes.append(normalised(Coding(system, condition["value"]))[1])
    return ValueSet(name, frozenset(exact), tuple(prefixes))


def codings(concept: CodeableConcept | None) -> tuple[Coding, ...]:
    """The codings of a concept, none for an absent one."""
    return (concept.coding or ()) if concept else ()


def in_set(name: str, *concepts: CodeableConcept | None) -> bool:
    """Whether any coding of any of the concepts is in the value set."""
    found = value_set(name)
    return any(found.specificity(coding) for concept in concepts for coding in codings(concept))


@cache
def _best(names: tuple[str, ...], coding: Coding) -> tuple[int, str | None]:
    scored = [(value_set(name).specificity(coding), name) for name in names]
    top = max(scored, key=lambda pair: pair[0])
    return top if top[0] else (0, None)


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
