"""Every code of the specification is in the value set of its meaning, and none is lost."""

from __future__ import annotations

import csv
from collections import defaultdict

import pytest

from hooks.fhir import Coding
from hooks.values import file_names, yaml_file
from hooks.values.codes import memberships, normalised, value_set
from tests import deck, frozen_codes

CLINICAL = deck.SHARED / "clinical"
NEEDS_SPECIFICATION = pytest.mark.skipif(not CLINICAL.exists(), reason="../shared is not here")

SETS = {
    ("cancer[].site", "breast"): "cancer-site-breast",
    ("cancer[].site", "lung"): "cancer-site-lung",
    ("cancer[].site", "melanoma"): "cancer-site-melanoma",
    ("cancer[].site", "other"): "cancer-site-other",
    ("cancer[].class", "heme"): "cancer-class-heme",
    ("cancer[].class", "cns"): "cancer-class-cns",
    ("cancer[].class", "not a cancer"): "cancer-not-a-cancer",
    ("cancer[].metastatic", "true"): "cancer-metastatic",
    ("cancer[].small_cell", "true"): "cancer-small-cell",
    ("cancer[].markers", "HER2=pos"): "marker-her2-pos",
    ("cancer[].markers", "HER2=neg"): "marker-her2-neg",
    ("cancer[].markers", "EGFR=pos"): "marker-egfr-pos",
    ("cancer[].markers", "EGFR=neg"): "marker-egfr-neg",
    ("cancer[].markers", "ALK=pos"): "marker-alk-pos",
    ("cancer[].markers", "ALK=neg"): "marker-alk-neg",
    ("cancer[].markers", "(not a mutation result)"): "marker-not-a-mutation-result",
    ("cancer[].markers", "HER2 by value"): "marker-her2-by-value",
    ("cancer[].markers", "ALK by value"): "marker-alk-by-value",
    ("cancer[].markers", "BRAF by value"): "marker-braf-by-value",
    ("cancer[].markers", "EGFR"): "marker-egfr",
    ("cancer[].markers", "ALK"): "marker-alk",
    ("cancer[].markers", "BRAF"): "marker-braf",
    ("cancer[].markers", "pos"): "marker-variant-present",
    ("symptoms[].code", "(not counted)"): "symptom-not-counted",
    ("symptoms[].explained_cipn", "true"): "chemotherapy-neuropathy",
    ("emetogenic_chemo_days", "drug"): "emetogenic-drug",
    ("csf[].result", "cytology report"): "cytology-report",
    ("csf[].result", "CSF specimen"): "csf-specimen",
    ("csf[].result", "positive"): "cytology-positive",
    ("csf[].result", "negative"): "cytology-negative",
    ("csf[].result", "equivocal"): "cytology-equivocal",
    ("csf[].result", "inadequate"): "cytology-inadequate",
    ("csf[].result", "(use text; else equivocal)"): "cytology-abnormal",
    ("csf[].result", "(use text; else negative)"): "cytology-normal",
    ("csf[].result", "(not counted)"): "cytology-not-counted",
    ("csf[] link", "lumbar puncture"): "lumbar-puncture",
    ("mri.brain", "contrast=true"): "mri-brain-contrast-true",
    ("mri.brain", "contrast=unknown"): "mri-brain-contrast-unknown",
    ("mri.brain", "contrast=false"): "mri-brain-contrast-false",
    ("mri.spine", "whole, contrast=true"): "mri-spine-whole-contrast-true",
    ("mri.spine", "whole, contrast=false"): "mri-spine-whole-contrast-false",
    ("mri.spine", "part, contrast=true"): "mri-spine-part-contrast-true",
    (
        "mri.spine",
        "part or unknown extent, contrast=unknown",
    ): "mri-spine-part-or-unknown-extent-contrast-unknown",
    ("mri.obstructive_hydrocephalus", "true"): "obstructive-hydrocephalus",
    ("labs.plt", "count"): "platelets",
    ("labs.inr", "ratio"): "inr",
    ("labs.egfr", "rate"): "egfr",
    ("labs.egfr", "0 (dialysis)"): "dialysis",
    ("anticoagulant_not_held", "drug"): "antithrombotic-drug",
    ("kps", "score"): "kps",
    ("ecog", "score"): "ecog",
    ("life_expectancy_days", "(no effect)"): "life-expectancy-no-effect",
    ("hospice", "true"): "hospice",
    ("hospice", "(not hospice)"): "not-hospice",
    ("lm_dx", "LM"): "lm-diagnosis",
    ("lm_dx", "(not LM)"): "lm-not",
    ("lm_dx", "(only with LM text)"): "lm-only-with-text",
    ("orders", "lp"): "lumbar-puncture",
    ("orders", "mri brain"): "order-mri-brain",
    ("orders", "mri spine (whole)"): "order-mri-spine",
    ("focal_symptomatic_lesion", "true"): "focal-symptomatic-lesion",
    ("on_lm_treatment", "systemic drug"): "lm-treatment-systemic",
    ("on_lm_treatment", "drug by intrathecal route"): "lm-treatment-intrathecal",
    ("shunt", "present"): "shunt-present",
    ("shunt", "none if later than every 'present'"): "shunt-removal",
    ("hydrocephalus", "present"): "hydrocephalus",
    ("flow", "study"): "csf-flow-study",
    ("rt", "radiotherapy"): "radiotherapy",
    ("rt", "brain"): "radiotherapy-site-brain",
    ("rt", "spine"): "radiotherapy-site-spine",
    ("rt", "(history only, no effect)"): "radiotherapy-history-only",
    ("order.drug", "methotrexate"): "drug-methotrexate",
    ("order.drug", "vincristine"): "drug-vincristine",
    ("order.drug", "vinblastine"): "drug-vinblastine",
    ("order.drug", "vinorelbine"): "drug-vinorelbine",
    ("order.route", "IT"): "route-it",
    ("order.route", "intraventricular"): "route-intraventricular",
    ("order.route", "missing (ambiguous code)"): "route-ambiguous",
    ("order.route", "IV"): "route-iv",
    ("order.route", "oral"): "route-oral",
    ("order.route", "SC"): "route-sc",
    ("order.route", "IM"): "route-im",
    ("order.route", "other"): "route-other",
    ("order.access", "ommaya"): "access-ommaya",
    ("order.form", "preserved"): "form-preserved",
    ("order.form", "PF"): "form-pf",
    ("cns_or_device_infection", "true"): "cns-or-device-infection",
    ("leukoencephalopathy", "true"): "leukoencephalopathy",
    ("third_space", "true"): "third-space",
    ("nitrous_planned", "true"): "nitrous-oxide",
    ("allergy_mtx", "methotrexate"): "allergy-methotrexate",
    ("allergy_mtx", "severe"): "allergy-severe-manifestation",
    ("nonmalignant_indication", "true"): "non-malignant-indication",
}
"""Fact and value of the specification -> value set. Symptoms and drug classes follow by name."""

ELSEWHERE = {
    "(search)": "needs.yaml",
    "order.unit": "the lexicon",
    "csf[].volume": "parameters/units.yaml",
}
"""Facts whose rows are no codings of a concept, and where they are kept."""
SUBSETS = {("it_history / systemic_mtx_7d", "methotrexate"): "drug-methotrexate"}
"""Rows that repeat a part of another fact."""
SPLIT = {
    ("csf[].result", "cytology report", "48807-2"): "cytology-report-only-part-of-puncture",
    ("cancer[].markers", "variant by gene", "69548-6"): "marker-variant",
    ("cancer[].markers", "variant by gene", "48018-6"): "marker-gene-component",
}
"""Rows that data elements 3.1 and 3.3 read differently from the others of their value."""

Pair = tuple[str, str]


def rows() -> list[dict[str, str]]:
    """The rows of the specification that hold codes."""
    with (CLINICAL / "data-elements.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["system"] != "text"]


def set_of(row: dict[str, str]) -> str | None:
    """The value set of a row; None where its code is kept elsewhere (tested below)."""
    fact, value = row["fact"], row["value"]
    split = SPLIT.get((fact, value, row["code_or_pattern"]))
    if split or (fact, value) in SETS:
        return split or SETS[fact, value]
    if fact == "symptoms[].code":
        return "symptom-" + value.replace("_", "-")
    return "interacting-" + value if fact == "meds" else None


def codes_of(row: dict[str, str]) -> set[Pair]:
    """The codes of a row; a range of ICD-10-CM categories is spelt out."""
    code = row["code_or_pattern"]
    if row["match"] != "range":
        return {normalised(Coding(row["system"], code))}
    first, last = code.split("-")
    numbers = range(int(first[1:]), int(last[1:]) + 1)
    return {normalised(Coding(row["system"], f"{first[0]}{n:02}")) for n in numbers}


def held(name: str) -> set[Pair]:
    """The codes of a value set."""
    return {(system, code) for found, system, code, _ in frozen_codes.known() if found == name}


def test_no_code_is_lost_or_added_unseen() -> None:
    known, frozen = frozen_codes.known(), frozen_codes.frozen()
    added, lost = sorted(set(known) - set(frozen)), sorted(set(frozen) - set(known))
    remedy = "if this is meant: python -m tests.frozen_codes"
    assert known == frozen, f"added {added}, lost {lost}; {remedy}"


def test_every_value_set_has_codes() -> None:
    for file in file_names("value_sets", ".json"):
        found = value_set(file.removesuffix(".json"))
        assert found.exact or found.prefixes, file


@NEEDS_SPECIFICATION
def test_every_code_of_the_specification_is_in_the_set_of_its_meaning() -> None:
    expected: dict[str, set[Pair]] = defaultdict(set)
    for row in rows():
        if name := set_of(row):
            expected[name] |= codes_of(row)
    different = {name: codes ^ held(name) for name, codes in expected.items()}
    assert {name: codes for name, codes in different.items() if codes} == {}


@NEEDS_SPECIFICATION
def test_every_other_row_is_kept_elsewhere() -> None:
    """Units and answer codes are parameters; the rest repeats another fact."""
    answers = yaml_file("parameters/answer_codes.yaml")
    factors = {"x1": 1, "/1000": 0.001}
    for row in (row for row in rows() if set_of(row) is None):
        fact, value, code = row["fact"], row["value"], row["code_or_pattern"]
        if fact in ("kps", "ecog"):
            assert answers[fact][code] == int(value)
        elif fact == "labs.plt":
            assert yaml_file("parameters/units.yaml")["platelets"][code] == factors[value]
        elif (fact, value) in SUBSETS:
            assert codes_of(row) <= held(SUBSETS[fact, value])
        else:
            assert fact in ELSEWHERE, row


@NEEDS_SPECIFICATION
def test_the_answers_of_the_scores_are_those_of_the_specification() -> None:
    """No answer code is dropped or added either."""
    told = {(r["fact"], r["code_or_pattern"], int(r["value"])) for r in rows() if _is_answer(r)}
    answers = yaml_file("parameters/answer_codes.yaml")
    kept = {(fact, code, n) for fact in ("kps", "ecog") for code, n in answers[fact].items()}
    assert told == kept


def _is_answer(row: dict[str, str]) -> bool:
    return row["fact"] in ("kps", "ecog") and row["value"] != "score"


@NEEDS_SPECIFICATION
def test_every_code_that_was_verified_for_the_specification_is_read() -> None:
    with (CLINICAL / "extra-codes.csv").open(encoding="utf-8", newline="") as file:
        extra = list(csv.DictReader(file))
    assert extra
    assert [r for r in extra if not memberships(Coding(r["system"], r["code"]))] == []


def test_codes_that_public_files_misuse() -> None:
    """ "Space of ventricular system" is a function of the heart, "CSF cytology" a blood group."""
    assert memberships(Coding("http://snomed.info/sct", "8997002")) == {}
    blood_group = memberships(Coding("http://loinc.org", "10331-7"))
    assert set(blood_group) == {"cytology-not-counted"}


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("http://snomed.info/sct", "420287000"),
        ("http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration", "IVENTINJ"),
        ("http://terminology.hl7.org/CodeSystem/v2-0162", "ICV"),
        ("http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl", "C38277"),
    ],
)
def test_an_ambiguous_route_is_no_route(system: str, code: str) -> None:
    assert set(memberships(Coding(system, code))) == {"route-ambiguous"}


@pytest.mark.parametrize("code", ["D03", "D05.1", "D09.9"])
def test_an_in_situ_neoplasm_is_no_cancer(code: str) -> None:
    found = memberships(Coding("http://hl7.org/fhir/sid/icd-10-cm", code))
    assert set(found) == {"cancer-not-a-cancer"}
