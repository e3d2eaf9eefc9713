"""Code systems, concepts and phrases that test charts are written with."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml

JsonObject: TypeAlias = dict[str, Any]

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ATC = "http://www.whocc.no/atc"
NDC = "http://hl7.org/fhir/sid/ndc"
UCUM = "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
ROUTE_V3 = "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"
ROUTE_V2 = "http://terminology.hl7.org/CodeSystem/v2-0162"
NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"

SYSTEMS = {"icd": ICD, "snomed": SNOMED, "loinc": LOINC, "rxnorm": RXNORM, "atc": ATC, "ndc": NDC}
ALIASES = {
    ICD: "urn:oid:2.16.840.1.113883.6.90",
    SNOMED: "urn:oid:2.16.840.1.113883.6.96",
    RXNORM: "urn:oid:2.16.840.1.113883.6.88",
    LOINC: "urn:oid:2.16.840.1.113883.6.1",
}


@cache
def _table(name: str) -> JsonObject:
    """A YAML table beside this module."""
    return dict(yaml.safe_load((Path(__file__).parent / name).read_text(encoding="utf-8")))


def concept(kind: str, name: str) -> dict[str, list[str]]:
    """The codes and phrases of one concept, by notation (`icd`, `snomed`, `text`, ...)."""
    return dict(_table("concepts.yaml")[kind][name])


def has_concept(kind: str, name: str) -> bool:
    """Whether the table knows this concept."""
    return name in _table("concepts.yaml")[kind]


def phrases(kind: str, name: str) -> list[str]:
    """The report phrases for one result."""
    return list(_table("phrases.yaml")[kind][name])
