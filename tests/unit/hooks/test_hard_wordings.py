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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nothing to suggest metastatic melanoma.", "negative"),
        ("There is nothing to suggest that the malignant cells have cleared.", "equivocal"),
        ("Malignant cells not seen, rare atypical cells present.", "equivocal"),
        ("Malignant cells absent, atypical cells present.", "equivocal"),
        ("Malignant cells not seen, few lymphocytes present.", "negative"),
        ("No malignant cells, rare atypical cells present.", None),
        ("Negative for malignant cells, rare atypical cells present.", None),
        ("Absence of malignant cells and presence of atypical cells", None),
        ("Negative for bacteria, malignant cells present.", None),
        ("No organisms, malignant cells present. Benign lymphocytes.", None),
        ("Negative for malignancy, few lymphocytes seen.", "negative"),
        ("No malignant cells, atypical cells or blasts seen.", "negative"),
        ("Malignant cells not seen in tube 1, malignant cells present in tube 3.", None),
        ("Tumour cells not found on day 1, carcinoma cells identified on day 3", None),
        ("Tumour cells not found in tube 1, tumour cells seen in tube 2. Tube 3 negative.", None),
        ("Malignant cells not seen in tube 1, malignant cells not seen in tube 3.", "negative"),
        ("Malignant cells not seen, no carcinoma identified.", "negative"),
        ("Malignant cells not seen, lymphocytes present, no tumour cells found.", "negative"),
    ],
)
def test_cytology_that_denies_one_thing_and_names_another(text: str, expected: str | None) -> None:
    found = cytology.classify(text)
    assert (found and found.value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mass is not seen, leptomeningeal enhancement along the folia", "linear"),
        ("Infarct is unlikely, leptomeningeal enhancement along the folia", "linear"),
        ("Infarct excluded, leptomeningeal enhancement present", "linear"),
        ("Hydrocephalus has resolved, leptomeningeal enhancement persists.", "linear"),
        ("Leptomeningeal enhancement has resolved", "normal"),
        ("Leptomeningeal enhancement has resolved, new enhancement over the pons.", "not stated"),
        ("Leptomeningeal enhancement seen on the prior study has resolved.", "not stated"),
        ("Leptomeningeal enhancement seen on the prior study has not resolved.", "linear"),
        ("Leptomeningeal enhancement seen on the prior study has partially resolved.", "linear"),
        ("No leptomeningeal enhancement, nodules are seen along the cauda equina.", "not stated"),
        ("No leptomeningeal enhancement, two brain metastases are seen.", "normal"),
        ("Sulcal enhancement is considered to be normal cortical veins.", "not stated"),
        ("Leptomeningeal enhancement is not considered to be normal.", "linear"),
        ("Nodular leptomeningeal deposits, other enhancement is felt to be normal.", "nodular"),
    ],
)
def test_pattern_that_denies_one_thing_and_names_another(text: str, expected: str) -> None:
    assert imaging.pattern(text).value == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Previously obstructed CSF flow now restored.", "inconclusive"),
        ("Previously obstructed CSF flow is not restored.", "obstructed"),
        ("Previously obstructed flow at T8 now restored, new block at L1.", "obstructed"),
        ("The block shown on 3 March has resolved.", "inconclusive"),
        ("The block shown on 3 March has not resolved.", "obstructed"),
        ("Block has resolved at T4, new block at L1", "obstructed"),
        ("No block at T4, block present at L1.", "inconclusive"),
        ("No block in the brain, obstruction at T8.", "inconclusive"),
        ("No block, obstruction or compartmentalisation.", "normal"),
        ("Normal flow in the head, no activity seen over the convexities", "inconclusive"),
        ("Patent at T4, not patent at T8", "inconclusive"),
    ],
)
def test_flow_that_is_open_here_and_not_there(text: str, expected: str) -> None:
    assert flow_status(text).value == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PF not available, dispense 10 mL vial", "not stated"),
        ("Preservative-free product out of stock", "not stated"),
        ("preservative-free if available", "not stated"),
        ("not stocked as preservative-free", "not stated"),
        ("Do not use benzyl alcohol-free product.", "not stated"),
        ("Do not use the benzyl alcohol containing vial.", "not stated"),
        ("PF. Do not use the benzyl alcohol containing vial.", "preservative-free"),
        ("Contains benzyl alcohol. Do not use benzyl alcohol in neonates.", "preserved"),
    ],
)
def test_formulation_that_is_wanted_or_refused(text: str, expected: str) -> None:
    assert formulation_in_text(text).value == expected


def test_a_valve_with_a_question_mark_is_unknown() -> None:
    assert valve("VP shunt, ?programmable, awaiting operation note").name == "VALVE_UNKNOWN"
    assert valve("VP shunt, adjustable?").name == "VALVE_UNKNOWN"


@pytest.mark.parametrize(
    "text",
    [
        "Leptomeningeal enhancement is absent in the brain, present at the conus.",
        "Leptomeningeal enhancement is absent in the brain, but present at the conus.",
        "Leptomeningeal enhancement is not seen in the brain, seen along the cord.",
        "Ruled out infarct, leptomeningeal enhancement present.",
    ],
)
def test_what_is_absent_here_and_present_there_is_not_normal(text: str) -> None:
    assert imaging.pattern(text).value == "not stated"


@pytest.mark.parametrize(
    "text",
    [
        "Malignant cells are absent in tube 1, present in tube 2.",
        "Malignant cells not seen in the first, found in the second smear.",
    ],
)
def test_what_is_absent_in_one_tube_only_is_not_negative(text: str) -> None:
    assert cytology.classify(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Preservative-free: No",
        "Preservative free = false\n12 mg in 12 mL",
        "PRESERVATIVE FREE: NO",
        "PF: N",
        "PF: No.",
        "PF = false",
        "PF: NO",
        "non-PF methotrexate",
        "Non PF",
        "This is not a preservative-free product",
        "It isn't preservative free",
        "cannot be preservative-free",
        "never preservative-free",
    ],
)
def test_a_denied_formulation_is_preserved(text: str) -> None:
    assert formulation_in_text(text).value == "preserved"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Preservative-free: yes", "preservative-free"),
        ("Preservative-free: no benzyl alcohol", "preservative-free"),
        ("PF: no preservatives", "preservative-free"),
        ("PF: no substitution", "preservative-free"),
        ("Preservative-free: NaCl 0.9 %", "preservative-free"),
        ("PF: NS", "preservative-free"),
        ("PF on shortage", "not stated"),
        ("preservative-free not needed", "not stated"),
    ],
)
def test_what_only_looks_like_a_denial(text: str, expected: str) -> None:
    assert formulation_in_text(text).value == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("On/off valve: N", "NO_VALVE"),
        ("On/off valve (no)", "NO_VALVE"),
        ("On/off: none", "NO_VALVE"),
        ("non-on/off valve", "NO_VALVE"),
        ("on/off valve stuck open", "VALVE_UNKNOWN"),
        ("on/off valve malfunction", "VALVE_UNKNOWN"),
        ("on-off valve failure", "VALVE_UNKNOWN"),
        ("defective on/off valve", "VALVE_UNKNOWN"),
        ("broken on/off valve", "VALVE_UNKNOWN"),
        ("on/off valve not functional", "VALVE_UNKNOWN"),
        ("on/off valve not functioning", "VALVE_UNKNOWN"),
        ("on/off valve not working", "VALVE_UNKNOWN"),
        ("on/off valve cannot be closed", "VALVE_UNKNOWN"),
        ("on/off valve cannot be turned off", "VALVE_UNKNOWN"),
        ("on/off valve cannot be switched off", "VALVE_UNKNOWN"),
        ("on/off valve cannot be set", "VALVE_UNKNOWN"),
        ("on/off valve, no malfunction", "ON_OFF"),
        ("on/off valve without malfunction", "ON_OFF"),
        ("on/off valve, no evidence of malfunction", "ON_OFF"),
        ("On/off valve: normal function", "ON_OFF"),
    ],
)
def test_a_valve_that_does_not_work_is_none_that_can_be_closed(text: str, expected: str) -> None:
    assert valve(text).name == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CSF flow patent: N", "INCONCLUSIVE"),
        ("CSF space patent (no)", "INCONCLUSIVE"),
        ("non-patent", "INCONCLUSIVE"),
        ("non patent CSF space", "INCONCLUSIVE"),
        ("Near normal flow", "INCONCLUSIVE"),
        ("near-normal CSF flow", "INCONCLUSIVE"),
        ("nearly normal flow", "INCONCLUSIVE"),
        ("almost normal flow", "INCONCLUSIVE"),
        ("Normal flow up to T8.", "INCONCLUSIVE"),
        ("Normal flow only down to the L-3 level", "INCONCLUSIVE"),
        ("Patent: yes", "NORMAL"),
        ("Patent (normal)", "NORMAL"),
        ("Normal flow up to the convexities", "NORMAL"),
    ],
)
def test_flow_that_is_not_quite_normal(text: str, expected: str) -> None:
    assert flow_status(text).name == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Malignant cells: no", "NEGATIVE"),
        ("Malignant cells: No.", "NEGATIVE"),
        ("MALIGNANT CELLS: N", "NEGATIVE"),
        ("Malignant cells (no)", "NEGATIVE"),
        ("Malignant cells present: no", "NEGATIVE"),
        ("Tumor cells seen = false", "NEGATIVE"),
        ("Malignant cells - 0", "NEGATIVE"),
        ("Malignant cells: no, reactive lymphocytes", "NEGATIVE"),
        ("Adenocarcinoma: no", "NEGATIVE"),
        ("Malignant cells: yes", "POSITIVE"),
        ("Malignant cells: no change, again present", "POSITIVE"),
        ("Malignant cells: numerous", "POSITIVE"),
        ("Malignant cells: no. Atypical cells: yes", "EQUIVOCAL"),
    ],
)
def test_a_result_as_the_answer_of_a_form(text: str, expected: str) -> None:
    found = cytology.classify(text)
    assert found is not None
    assert found.name == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Leptomeningeal enhancement: N", "normal"),
        ("Leptomeningeal enhancement (no)", "normal"),
        ("Leptomeningeal enhancement - no", "normal"),
        ("Leptomeningeal enhancement = 0", "normal"),
        ("Leptomeningeal disease: false", "normal"),
        ("Leptomeningeal enhancement: yes", "linear"),
        ("Leptomeningeal enhancement - nodular", "nodular"),
    ],
)
def test_a_pattern_as_the_answer_of_a_form(text: str, expected: str) -> None:
    assert imaging.pattern(text).value == expected


@pytest.mark.parametrize("text", ["Midline shift: N", "Midline shift (no)", "Mass effect - no"])
def test_a_mass_that_a_form_denies(text: str) -> None:
    assert imaging.masses(text) == frozenset()
