"""Wordings that look like a negation, a valve, a route or a name and are not."""

from __future__ import annotations

import pytest

from hooks.fhir import Dosage
from hooks.readings import cytology, imaging, malignancy
from hooks.readings.csf_space import flow_status, valve
from hooks.readings.dosing import is_daily
from hooks.readings.order import formulation_in_text
from hooks.readings.route import names_intrathecal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("VP shunt with on/off valve", "ON_OFF"),
        ("Programmable valve, closing plan in the chart", "PROGRAMMABLE_PLAN"),
        ("Programmable valve, no closing plan", "PROGRAMMABLE"),
        ("Programmable valve without closing plan", "PROGRAMMABLE"),
        ("On/off valve: none", "NO_VALVE"),
        ("on/off valve not present", "NO_VALVE"),
        ("does not have on/off valve", "NO_VALVE"),
        ("VP shunt without on/off valve", "NO_VALVE"),
        ("VP shunt, on-off valve removed", "VALVE_UNKNOWN"),
        ("on/off valve planned", "VALVE_UNKNOWN"),
        ("VP shunt with valve", "VALVE_UNKNOWN"),
    ],
)
def test_valve(text: str, expected: str) -> None:
    assert valve(text).name == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cerebellar metastasis cannot be excluded", "posterior fossa mass"),
        ("Posterior fossa mass not excluded", "posterior fossa mass"),
        ("Midline shift has not resolved", "mass effect"),
        ("Mass effect: no significant change", "mass effect"),
        ("With and without gadolinium: 3 cm cerebellar mass", "posterior fossa mass"),
        ("Posterior fossa mass has resolved", ""),
        ("No mass effect", ""),
        ("Mass effect: none", ""),
    ],
)
def test_mass(text: str, expected: str) -> None:
    assert ", ".join(imaging.masses(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MRI brain with and without contrast shows leptomeningeal enhancement.", "linear"),
        ("Without contrast: leptomeningeal nodules", "nodular"),
        ("No significant change in leptomeningeal enhancement", "linear"),
        ("Leptomeningeal disease cannot be excluded", "equivocal"),
        ("Leptomeningeal disease is excluded", "normal"),
        ("Dural enhancement over the sulci", "not stated"),
    ],
)
def test_pattern(text: str, expected: str) -> None:
    assert imaging.pattern(text).value == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No organisms seen, malignant cells present, no fungi.", "positive"),
        ("No organisms seen, malignant cells present, and lymphocytes", "positive"),
        ("No change: malignant cells again present", "positive"),
        ("No malignant cells, organisms, or crystals seen", "negative"),
        ("No malignant cells or atypical cells seen, lymphocytes", "negative"),
        ("Some malignant cells, no malignant clusters", None),
        ("benign cells", "negative"),
    ],
)
def test_cytology(text: str, expected: str | None) -> None:
    found = cytology.classify(text)
    assert (found.value if found else None) == expected


def test_obstruction_not_excluded_is_not_open() -> None:
    assert flow_status("Flow normal in brain, obstruction at T8 not excluded").value == "obstructed"


@pytest.mark.parametrize(
    "text",
    [
        "Administer without delay, intrathecal, as noted in protocol",
        "VINCRISTINE 2 MG IT",
        "intra thecal",
        "intra\u2010thecal",
        "into the CSF",
    ],
)
def test_names_the_route(text: str) -> None:
    assert names_intrathecal(text)


@pytest.mark.parametrize(
    "text", ["PUSH IT SLOWLY", "DO NOT TAKE IT DAILY", "not for intra-thecal use"]
)
def test_names_no_route(text: str) -> None:
    assert not names_intrathecal(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No PF product available", "not stated"),
        ("Do not use preservative-free", "not stated"),
        ("not PF", "not stated"),
        ("NOT preservative-free", "preserved"),
        ("PF product", "preservative-free"),
    ],
)
def test_formulation(text: str, expected: str) -> None:
    assert formulation_in_text(text).value == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12 mg without preservatives IT daily", True),
        ("12 mg, not with bacteriostatic diluent, once daily", True),
        ("12 mg once, not daily", False),
        ("weekly", False),
    ],
)
def test_daily(text: str, expected: bool) -> None:
    assert is_daily(Dosage(text=text)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ductal carcinoma in situ of left breast", None),
        ("Breast cancer ruled out", None),
        ("Breast cancer, resolved", "cancer-site-breast"),
        ("History of breast cancer", "cancer-site-breast"),
    ],
)
def test_cancer(text: str, expected: str | None) -> None:
    assert malignancy.site_from_text(text) == expected
