"""EANO-ESMO type of established LM, for display; no item depends on it (specification, 1.8)."""

from __future__ import annotations

from dataclasses import dataclass

from hooks.facts.diagnosis import newest_studies, positive_csf_cytology
from hooks.facts.fact import is_yes, once
from hooks.facts.guidance import hydrocephalus_on_record, mri_without_pattern
from hooks.facts.suspicion import typical_clinical_signs
from hooks.readings.chart import Chart
from hooks.readings.imaging import TYPICAL, Pattern
from hooks.values.parameters import classification_rules

_LETTERS = {Pattern.LINEAR: "A", Pattern.NODULAR: "B", Pattern.BOTH: "C"}


@dataclass(frozen=True, slots=True)
class Classification:
    """Type and certainty of LM; None = not determinable, `missing` says why the letter is not."""

    type: str | None
    letter: str | None
    certainty: str
    missing: tuple[str, ...]

    @property
    def shown(self) -> str:
        """The type as printed, e.g. `IIA`, or the roman number alone."""
        return (self.type or "") + (self.letter or "")


def _letter(chart: Chart) -> str | None:
    """A, B or C by the pattern of the neuraxis; D needs explicit reports of brain and spine."""
    shown = {study.pattern for study in newest_studies(chart)} & TYPICAL
    if shown:
        return _LETTERS[shown.pop()] if len(shown) == 1 else "C"
    if not is_yes(mri_without_pattern(chart)):
        return None
    return "D-hydrocephalus" if is_yes(hydrocephalus_on_record(chart)) else "D-normal"


def _type(chart: Chart) -> str | None:
    """I with tumour cells in CSF; II only after all results were read and understood."""
    if is_yes(positive_csf_cytology(chart)):
        return "I"
    failed = any(map(chart.record.failed, ("DiagnosticReport", "Observation")))
    return None if failed or chart.cytologies.unclassifiable else "II"


def _certainty(kind: str | None, letter: str | None, typical_signs: bool) -> str:
    rules = classification_rules()
    if kind == "I":
        return str(rules["certainty"]["type_I"])
    if kind is None or letter is None:
        return str(rules["not_determinable"])
    return str(rules["certainty"]["type_II"][letter]["with" if typical_signs else "without"])


@once
def classification(chart: Chart) -> Classification:
    """The EANO-ESMO type of a chart with established LM."""
    kind, letter = _type(chart), _letter(chart)
    certainty = _certainty(kind, letter, is_yes(typical_clinical_signs(chart)))
    missing = () if letter else mri_without_pattern(chart).missing
    return Classification(kind, letter, certainty, missing)
