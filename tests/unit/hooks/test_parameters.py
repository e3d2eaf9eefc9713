"""Every number, unit, answer code and flag of the parameter files, as the readers use it."""

from __future__ import annotations

from typing import Any

import pytest

from hooks import SERVICES
from hooks.facts.classification import classification
from hooks.fhir import Quantity
from hooks.order_sign.dosing import dose_variant
from hooks.readings.chart import Chart
from hooks.readings.concepts import shifted
from hooks.values.parameters import (
    classification_rules,
    dose_bands,
    finding_kinds,
    targeted_drugs,
    targeted_tumours,
)
from tests.unit.hooks.records import BREAST, LM, LOINC, about, coded, mri, record

GROUPS = {
    "cerebral": "headache nausea-vomiting mental-change gait-difficulty seizure",
    "raised intracranial pressure": "papilloedema reduced-consciousness",
    "cranial nerve": "diplopia cn-palsy visual-loss hearing-loss facial-palsy dysphagia-dysarthria",
    "spinal": "limb-weakness sensory-loss cauda-equina radicular-pain back-pain neck-pain",
    "meningeal": "meningism",
}
NOT_SPECIFIC = {*GROUPS["cerebral"].split(), "back-pain", "neck-pain"}
RED_FLAGS = {"papilloedema", "reduced-consciousness", "cauda-equina"}
LABELS = {
    "nausea-vomiting": "nausea or vomiting",
    "papilloedema": "papilloedema or raised ICP",
    "cn-palsy": "cranial nerve palsy",
    "dysphagia-dysarthria": "dysphagia or dysarthria",
    "cauda-equina": "cauda equina syndrome",
}


def test_groups_weights_and_labels_of_the_findings() -> None:
    """Specification, 3.1: the groups, what is specific, and the red flags."""
    known = {kind.code: kind for kind in finding_kinds().values()}
    listed = {code: group for group, codes in GROUPS.items() for code in codes.split()}
    assert {code: kind.group for code, kind in known.items()} == listed
    assert {code for code, kind in known.items() if not kind.specific} == NOT_SPECIFIC
    assert {code for code, kind in known.items() if kind.red_flag} == RED_FLAGS
    plain = {code: code.replace("-", " ") for code in known} | LABELS
    assert {code: kind.label for code, kind in known.items()} == plain


def observed(own_id: str, code: dict[str, Any], **value: Any) -> dict[str, Any]:
    own = {"status": "final", "code": code, "effectiveDateTime": "2026-11-19"}
    return about("Observation", own_id, **{**own, **value})


KARNOFSKY = "LA9627-6 LA29184-1 LA29183-3 LA29182-5 LA29181-7 LA29180-9 LA29179-1 LA29178-3"
KPS = [*zip(f"{KARNOFSKY} LA29177-5 LA29176-7 LA29175-9".split(), range(0, 101, 10), strict=True)]
ECOG = [
    *zip(
        ["LA9622-7", "LA9623-5", "LA9624-3", "LA9625-0", "LA9626-8", "LA9627-6"],
        range(6),
        strict=True,
    )
]


@pytest.mark.parametrize(
    ("scale", "code", "answer", "score"),
    [
        *(("kps", "89243-0", answer, score) for answer, score in KPS),
        *(("ecog", "89247-1", answer, score) for answer, score in ECOG),
    ],
)
def test_answer_of_a_performance_scale(scale: str, code: str, answer: str, score: int) -> None:
    told = observed("score", coded(LOINC, code), valueCodeableConcept=coded(LOINC, answer))
    found = Chart(record(BREAST, LM, told)).score(scale)
    assert found is not None
    assert found.value == score


LOW_COUNT = {"10*3/uL": 19, "10*9/L": 19, "K/uL": 19, "10^3/uL": 19, "x10E3/uL": 19, "10^9/L": 19}
EGFR_UNITS = (
    "mL/min/1.73m2",
    "mL/min/{1.73_m2}",
    "mL/min",
    "mL/min/1.73 m2",
    "mL/min/1.73m²",
    "mL/min/1.73m^2",
    "mL/min/1.73 m^2",
    "ml/min/1.73m2",
)


@pytest.mark.parametrize(
    ("test", "code", "unit", "value", "read"),
    [
        *(("platelets", "777-3", unit, value, 19) for unit, value in LOW_COUNT.items()),
        ("platelets", "777-3", "G/L", 19, 19),
        ("platelets", "777-3", "/uL", 19000, 19),
        ("platelets", "777-3", "mg", 19, None),
        *(("inr", "6301-6", unit, 1.6, 1.6) for unit in ("{INR}", "1", "")),
        ("inr", "6301-6", "s", 1.6, None),
        *(("egfr", "98979-8", unit, 29, 29) for unit in EGFR_UNITS),
        ("egfr", "98979-8", "mL/s", 29, None),
    ],
)
def test_unit_of_a_laboratory_result(
    test: str, code: str, unit: str, value: float, read: float | None
) -> None:
    told = observed("lab", coded(LOINC, code), valueQuantity={"value": value, "unit": unit})
    found = Chart(record(BREAST, told)).laboratory(test)
    assert found is not None
    assert found.value == read


@pytest.mark.parametrize(
    ("unit", "days"),
    [
        *((unit, 1) for unit in ("d", "day", "days")),
        *((unit, 7) for unit in ("wk", "week", "weeks")),
        *((unit, 30) for unit in ("mo", "month", "months")),
        *((unit, 365) for unit in ("a", "year", "years")),
    ],
)
def test_unit_of_a_life_expectancy(unit: str, days: int) -> None:
    told = observed("le", {"text": "Life expectancy"}, valueQuantity={"value": 1, "unit": unit})
    found = Chart(record(BREAST, LM, told)).life_expectancy
    assert found is not None
    assert found.days == days


def test_life_expectancy_in_words_is_29_days() -> None:
    told = observed("le", {"text": "Life expectancy"}, valueString="less than one month")
    found = Chart(record(BREAST, LM, told)).life_expectancy
    assert found is not None
    assert found.days == 29


MILLILITRES = ("mL", "ml", "cm3", "milliliter", "millilitre", "milliliters", "millilitres")


@pytest.mark.parametrize(("unit", "volume"), [*((u, 6) for u in MILLILITRES), ("L", None)])
def test_unit_of_a_csf_volume(unit: str, volume: float | None) -> None:
    sample = {
        "resourceType": "Specimen",
        "id": "s",
        "type": {"text": "CSF"},
        "collection": {"quantity": {"value": 6, "unit": unit}},
    }
    report = about(
        "DiagnosticReport",
        "r",
        status="final",
        code={"text": "CSF cytology"},
        conclusion="No malignant cells.",
        effectiveDateTime="2026-11-19",
        contained=[sample],
        specimen=[{"reference": "#s"}],
    )
    (found,) = Chart(record(BREAST, report)).cytologies.episode
    assert found.handling.volume == volume


@pytest.mark.parametrize(
    ("comparator", "read"), [("<", 69.999), (">", 70.001), ("<=", 70), (">=", 70), (None, 70)]
)
def test_a_strict_comparator_is_a_thousandth_off(comparator: str | None, read: float) -> None:
    assert shifted(Quantity(value=70, comparator=comparator)) == pytest.approx(read, abs=1e-9)


@pytest.mark.parametrize(
    ("amount", "age", "variant"),
    [
        (15.0000009, 40, "above-usual"),
        (15.0000015, 40, "over-maximum"),
        (12.5000009, 40, None),
        (12.5000015, 40, "above-usual"),
        (9.9999991, 40, None),
        (9.9999985, 40, "low"),
        (12.6000009, 9, None),
        (12.6000015, 9, "high-teenage"),
        (10.7999991, 9, None),
        (10.7999985, 9, "low"),
    ],
)
def test_doses_are_compared_to_a_millionth(amount: float, age: int, variant: str | None) -> None:
    assert dose_variant(amount, age, False) == variant


def test_markers_and_drugs_of_each_tumour() -> None:
    tumours = {tumour.site: (tumour.label, tumour.markers) for tumour in targeted_tumours()}
    assert tumours == {
        "lung": ("non-small-cell lung cancer", ("EGFR", "ALK")),
        "breast": ("breast cancer", ("HER2",)),
        "melanoma": ("melanoma", ("BRAF",)),
    }
    assert {marker: set(targeted_drugs(marker)) for marker in ("EGFR", "ALK", "HER2", "BRAF")} == {
        "EGFR": {"osimertinib"},
        "ALK": {"alectinib", "lorlatinib"},
        "HER2": {"trastuzumab deruxtecan", "tucatinib", "intrathecal trastuzumab"},
        "BRAF": {"dabrafenib", "trametinib", "encorafenib", "binimetinib", "vemurafenib"},
    }


LINEAR = mri("brain", "Linear leptomeningeal enhancement.")
NODULAR = mri("brain", "Nodular leptomeningeal enhancement.")
PLAIN = mri("brain", "No leptomeningeal enhancement.")
SPINE = mri("whole spine", "No leptomeningeal enhancement.")
NODULAR_SPINE = mri("whole spine", "Nodular leptomeningeal enhancement.")
HYDROCEPHALUS = about("Condition", "h", code={"text": "Hydrocephalus"}, recordedDate="2026-11-01")
DIPLOPIA = about("Condition", "s", code={"text": "Diplopia"}, recordedDate="2026-11-10")
POSITIVE = about(
    "DiagnosticReport",
    "csf",
    status="final",
    code={"text": "CSF cytology"},
    conclusion="Malignant cells present.",
    effectiveDateTime="2026-11-10",
)


@pytest.mark.parametrize(
    ("resources", "letter", "with_signs", "without"),
    [
        ((LINEAR, SPINE), "A", "probable", "possible"),
        ((NODULAR, SPINE), "B", "probable", "possible"),
        ((LINEAR, NODULAR_SPINE), "C", "probable", "possible"),
        ((PLAIN, SPINE, HYDROCEPHALUS), "D-hydrocephalus", "possible", "lack of evidence"),
        ((PLAIN, SPINE), "D-normal", "possible", "lack of evidence"),
        ((LINEAR,), "A", "probable", "possible"),
        ((PLAIN,), None, "not determinable", "not determinable"),
        ((), None, "not determinable", "not determinable"),
    ],
)
def test_type_and_certainty(
    resources: tuple[dict[str, Any], ...], letter: str | None, with_signs: str, without: str
) -> None:
    """Specification, 1.8: the table of types, with and without typical clinical signs."""
    for signs, certainty in (((DIPLOPIA,), with_signs), ((), without)):
        found = classification(Chart(record(BREAST, LM, *resources, *signs)))
        assert (found.type, found.letter, found.certainty) == ("II", letter, certainty)
        known = classification(Chart(record(BREAST, LM, POSITIVE, *resources, *signs)))
        assert (known.type, known.letter, known.certainty) == ("I", letter, "confirmed")
        assert known.shown == "I" + (letter or "")


@pytest.mark.parametrize(("day", "apart"), [("2026-10-11", False), ("2026-10-10", True)])
def test_mri_and_csf_30_and_31_days_apart(day: str, apart: bool) -> None:
    chart = record(BREAST, LM, POSITIVE, mri("brain", "Linear leptomeningeal enhancement.", day))
    cards = SERVICES["lm-patient-view"].cards(chart)
    told = "MRI and CSF sample lie more than 30 d apart"
    assert any(told in card.body["detail"] for card in cards) is apart


def test_the_bands_of_age_join() -> None:
    bands = dose_bands()
    assert [band.from_age for band in bands] == [0, 1, 2, 3, 18]
    assert [band.below_age for band in bands] == [1, 2, 3, 18, None]


def test_the_letters_of_the_types() -> None:
    assert classification_rules()["letters"] == {
        "A": "linear",
        "B": "nodular",
        "C": "linear and nodular",
        "D-hydrocephalus": "hydrocephalus without leptomeningeal pattern",
        "D-normal": "no leptomeningeal pattern",
    }
