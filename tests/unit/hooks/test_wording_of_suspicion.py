"""How the card of a suspicion names the cancer."""

from __future__ import annotations

import pytest

from hooks import SERVICES
from tests.unit.hooks.records import ICD, about, coded, record

DIPLOPIA = about("Condition", "s", code={"text": "Diplopia"}, recordedDate="2026-11-10")
COLON, LUNG, BREAST, MELANOMA = ("C18.9", "C34.9", "C50.9", "C43.9")
BRAIN_METASTASIS = "C79.31"


@pytest.mark.parametrize(
    ("codes", "label"),
    [
        ((COLON,), "Solid cancer"),
        ((COLON, LUNG), "Lung cancer"),
        ((COLON, BREAST), "Breast cancer"),
        ((COLON, MELANOMA), "Melanoma"),
        ((BRAIN_METASTASIS,), "Cancer of unknown primary"),
        ((LUNG, BRAIN_METASTASIS), "Metastatic lung cancer"),
        ((COLON, BRAIN_METASTASIS), "Metastatic solid cancer"),
    ],
)
def test_the_cancer_that_counts_most_is_named(codes: tuple[str, ...], label: str) -> None:
    cancers = [
        about("Condition", code.replace(".", "-"), code=coded(ICD, code), recordedDate="2024-01-01")
        for code in codes
    ]
    (card,) = SERVICES["lm-patient-view"].cards(record(*cancers, DIPLOPIA))
    told = card.body["summary"]
    assert label.lower() in told.lower()
    assert "melanoma cancer" not in told.lower()
    others = {"solid cancer", "lung cancer", "breast cancer", "melanoma", "unknown primary"}
    wrong = {other for other in others if other not in label.lower() and other in told.lower()}
    assert wrong == set()
