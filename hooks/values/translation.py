"""A record as its site means it: each code of the site also says which value sets it belongs to.

To a coding that the site maps, a coding of our own is added whose code is the name of the value
set. Readings then find it like any published code, and the caches of the value sets stay ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from hooks.fhir import CodeableConcept, Coding
from hooks.record import PatientRecord
from hooks.site import Site
from hooks.values.codes import OWN_VALUE_SETS, normalised

T = TypeVar("T")
Codes = Mapping[tuple[str, str], tuple[str, ...]]


def at_site(record: PatientRecord, site: Site) -> PatientRecord:
    """The record with the site, and with the meaning of its codes. Drafts keep their raw form."""
    if not site.codes:
        return replace(record, site=site)
    codes = site.codes
    return replace(
        record,
        site=site,
        resources={kind: translated(found, codes) for kind, found in record.resources.items()},
        drafts=tuple(replace(d, resource=translated(d.resource, codes)) for d in record.drafts),
        medications={k: translated(found, codes) for k, found in record.medications.items()},
        specimens={k: translated(found, codes) for k, found in record.specimens.items()},
    )


def translated(value: T, codes: Codes) -> T:
    """A value of a resource, or a resource, in which every mapped coding says its meaning."""
    return _translated(value, codes)  # type: ignore[no-any-return]


def _translated(value: Any, codes: Codes) -> Any:
    if isinstance(value, CodeableConcept):
        return _concept(value, codes)
    if isinstance(value, msgspec.Struct):
        return _struct(value, codes)
    if isinstance(value, tuple):
        found = tuple(_translated(part, codes) for part in value)
        return (
            found if any(new is not old for new, old in zip(found, value, strict=True)) else value
        )
    return _contained(value, codes) if isinstance(value, dict) else value


def _meanings(coding: Coding, codes: Codes) -> tuple[str, ...]:
    return codes.get(normalised(coding), ())


def _concept(concept: CodeableConcept, codes: Codes) -> CodeableConcept:
    given = concept.coding or ()
    added = [Coding(OWN_VALUE_SETS, name) for c in given for name in _meanings(c, codes)]
    return msgspec.structs.replace(concept, coding=(*given, *added)) if added else concept


def _struct(struct: msgspec.Struct, codes: Codes) -> msgspec.Struct:
    changed = {}
    for name in struct.__struct_fields__:
        old = getattr(struct, name)
        if isinstance(old, msgspec.Struct | tuple):  # Nothing else can hold a coding.
            new = _translated(old, codes)
            if new is not old:
                changed[name] = new
    return msgspec.structs.replace(struct, **changed) if changed else struct


def _contained(value: Any, codes: Codes) -> Any:
    """JSON that is read later: a contained resource."""
    if isinstance(value, list):
        return [_contained(part, codes) for part in value]
    if not isinstance(value, dict):
        return value
    found = {name: _contained(part, codes) for name, part in value.items()}
    if "coding" in value:
        found["coding"] = _codings(value["coding"], codes)
    return found


def _codings(value: Any, codes: Codes) -> Any:
    """The codings of contained JSON; what is none stays, and is refused where it is read."""
    try:
        concept = msgspec.convert({"coding": value}, CodeableConcept)
    except msgspec.ValidationError:
        return value
    return msgspec.to_builtins(_concept(concept, codes).coding)
