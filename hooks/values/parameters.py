"""Numbers of the guideline logic, by name, each with unit and reference in its data file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from hooks.values import yaml_file


@cache
def _values(name: str) -> dict[str, float]:
    entries = yaml_file(f"parameters/{name}.yaml")["values"]
    return {key: entry["value"] for key, entry in entries.items()}


def window(name: str) -> float:
    """A time window in the unit of its entry (days or hours)."""
    return _values("windows")[name]


def limit(name: str) -> float:
    """A clinical limit in the unit of its entry."""
    return _values("limits")[name]


def dose(name: str) -> float:
    """A number of intrathecal methotrexate dosing, in the unit of its entry."""
    return _values("intrathecal_methotrexate_dose")[name]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number with its unit (UCUM; `1` = none), what it means, and where it comes from."""

    name: str
    value: float
    unit: str
    meaning: str
    reference: str
    last_checked: str


@cache
def parameters() -> dict[str, Parameter]:
    """All windows, limits and dosing numbers by name."""
    files = [yaml_file(f"parameters/{name}.yaml") for name in _FILES]
    return {
        name: Parameter(
            name,
            entry["value"],
            entry["unit"],
            entry["meaning"],
            entry.get("reference", file["reference"]),
            file["last_checked"],
        )
        for file in files
        for name, entry in file["values"].items()
    }


_FILES = ("windows", "limits", "intrathecal_methotrexate_dose")


@dataclass(frozen=True, slots=True)
class DoseBand:
    """Doses in mg for ages from `from_age` to below `below_age`, in completed years.

    `dose` is absent for adults, whose limits are separate parameters.
    """

    from_age: int
    below_age: int | None
    dose: float | None
    haematological: tuple[float, float]


@cache
def dose_bands() -> tuple[DoseBand, ...]:
    """All age bands, youngest first."""
    rows = yaml_file("parameters/intrathecal_methotrexate_dose.yaml")["bands"]
    return tuple(
        DoseBand(
            row["from_age"], row.get("below_age"), row.get("dose"), tuple(row["haematological"])
        )
        for row in rows
    )


def dose_band(age: int) -> DoseBand:
    """The band of an age in completed years; a band starts on the birthday."""
    return next(band for band in reversed(dose_bands()) if age >= band.from_age)


@cache
def unit_factors(quantity: str) -> dict[str, float]:
    """Factor to the base unit for each unit spelling of one quantity."""
    return dict(yaml_file("parameters/units.yaml")[quantity])


@cache
def unit_spellings(quantity: str) -> frozenset[str]:
    """Accepted unit spellings of a quantity that needs no conversion."""
    return frozenset(yaml_file("parameters/units.yaml")[quantity])


@cache
def answer_codes(scale: str) -> dict[str, int]:
    """Score of each LOINC answer code of a performance scale (`kps`, `ecog`)."""
    return dict(yaml_file("parameters/answer_codes.yaml")[scale])


@dataclass(frozen=True, slots=True)
class FindingKind:
    """A neurological finding: anatomical group, label for cards, and its weight."""

    code: str
    group: str
    label: str
    specific: bool
    red_flag: bool


@cache
def finding_kinds() -> dict[str, FindingKind]:
    """All neurological findings by code, in catalogue order."""
    rows = yaml_file("parameters/symptom_groups.yaml")["findings"]
    return {
        code: FindingKind(
            code, row["group"], row["label"], row.get("specific", False), row.get("red_flag", False)
        )
        for code, row in rows.items()
    }


@dataclass(frozen=True, slots=True)
class TargetedTumour:
    """A tumour site with a targeted option: its label, and the markers that are looked at."""

    site: str
    label: str
    markers: tuple[str, ...]


@cache
def targeted_tumours() -> tuple[TargetedTumour, ...]:
    """The tumours that need marker results, in the order of the data file."""
    rows = yaml_file("parameters/targeted_options.yaml")["tumours"]
    return tuple(
        TargetedTumour(site, row["label"], tuple(row["markers"])) for site, row in rows.items()
    )


@cache
def targeted_drugs(marker: str) -> tuple[str, ...]:
    """The drugs of a marker whose active order a card names."""
    return tuple(yaml_file("parameters/targeted_options.yaml")["drugs"][marker])


def classification_rules() -> dict[str, Any]:
    """Letters and certainties of the EANO-ESMO types, as printed."""
    return yaml_file("parameters/eano_classification.yaml")
