"""The safety case: each hazard has its form, its risk and its controls, each control its tests."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import msgspec
import pytest

from cds_service import errors
from hooks import SERVICES
from hooks.fhir import Patient
from hooks.record import Reason, http_reason
from tests import safety_case
from tests.safety_case import ATTRIBUTES, FOLDER, HAZARDS, LOG, ROOT, SCALES, Hazard

BY_ID = pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard["id"])
RECOMMENDATIONS = {
    name for service in SERVICES.values() for name in service.catalogue.recommendations
}
HTTP = http_reason(0).replace("0", "NNN")


def _named(member: str) -> set[str]:
    return {name for hazard in HAZARDS for name in hazard.get(member, ())}


def _error_classes(base: type[errors.ServiceError]) -> set[str]:
    below = (name for each in base.__subclasses__() for name in _error_classes(each))
    return {base.__name__, *below}


def test_the_log_has_its_form() -> None:
    schema = json.loads((FOLDER / "hazards.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(LOG, schema)


def test_the_form_refuses_a_control_without_proof() -> None:
    schema = json.loads((FOLDER / "hazards.schema.json").read_text(encoding="utf-8"))
    unproven = {**HAZARDS[0], "controls": [{"what": "hope", "kind": "design", "tests": []}]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**LOG, "hazards": [unproven]}, schema)


def test_the_scales_are_complete_and_the_matrix_never_falls() -> None:
    five = [1, 2, 3, 4, 5]
    assert all(sorted(SCALES[name]) == five for name in ("severity", "likelihood", "risk"))
    rows = [SCALES["matrix"][likelihood] for likelihood in five]
    assert all(row == sorted(row) and len(row) == 5 for row in rows)
    assert all(list(column) == sorted(column) for column in zip(*rows, strict=True))
    assert {number for row in rows for number in row} == set(five)


def test_ids_are_never_used_again() -> None:
    used = [entry["id"] for entry in (*HAZARDS, *LOG["retired"])]
    assert used == list(dict.fromkeys(used))
    assert {f"H{number}" for number in range(1, len(used) + 1)} == set(used)


@BY_ID
def test_risks_are_those_of_the_matrix(hazard: Hazard) -> None:
    severity = hazard["severity"]
    assert hazard["risk"] == safety_case.risk(severity, hazard["likelihood"])
    assert hazard["final_risk"] == safety_case.risk(severity, hazard["final_likelihood"])
    assert hazard["final_likelihood"] <= hazard["likelihood"]


@BY_ID
def test_a_risk_is_only_lowered_by_a_control_of_the_service(hazard: Hazard) -> None:
    if hazard["final_likelihood"] < hazard["likelihood"] and "no_control" not in hazard:
        kinds = {control["kind"] for control in hazard["controls"]}
        assert kinds & {"design", "alert", "procedure"}


@BY_ID
def test_every_proof_exists(hazard: Hazard) -> None:
    proofs = safety_case.tests_of(hazard)
    assert [proof for proof in proofs if not safety_case.exists(proof)] == []


def test_proofs_that_do_not_exist_are_noticed() -> None:
    here = "tests/test_safety_case.py::"
    assert safety_case.exists(f"{here}test_every_proof_exists[H1]")
    assert safety_case.exists("case:dose: adult 15.01 mg")
    for missing in (f"{here}test_that_nobody_wrote", "tests/nowhere.py::test_x", "drill:nothing"):
        assert not safety_case.exists(missing)
    assert not safety_case.exists("case:dose: adult 15.02 mg")


def test_a_drill_is_a_module_that_can_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = tmp_path / "tests" / "drill"
    parts.mkdir(parents=True)
    (parts / "fire.py").write_text("def run(): ...\n", encoding="utf-8")
    (parts / "water.py").write_text("run = None\n", encoding="utf-8")
    monkeypatch.setattr(safety_case, "ROOT", tmp_path)
    assert safety_case.exists("drill:fire")
    assert not safety_case.exists("drill:water")


@pytest.mark.parametrize("member", ["silent", "wrong"])
def test_every_recommendation_can_fail_in_both_ways(member: str) -> None:
    assert _named(member) == RECOMMENDATIONS


def test_every_error_belongs_to_a_hazard() -> None:
    assert _named("errors") == _error_classes(errors.ServiceError)


def test_every_cause_of_missing_data_belongs_to_a_hazard() -> None:
    assert _named("reasons") == {*(reason.value for reason in Reason), HTTP}


@pytest.mark.parametrize("page", safety_case.PAGES)
def test_the_page_is_current(page: str) -> None:
    assert (FOLDER / page).read_text(encoding="utf-8") == safety_case.PAGES[page]()


def test_the_report_counts_the_hazards() -> None:
    report = safety_case.report_page()
    counts = re.findall(r"(?m)^\| ([1-5]) [a-z]+ \| (\d+) \|$", report)
    assert [number for number, _ in counts] == list("12345")
    assert sum(int(count) for _, count in counts) == len(HAZARDS)


@pytest.mark.parametrize("page", ["safety/README.md", "safety/intended-use.md", "README.md"])
def test_the_report_says_what_silence_means(page: str) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    assert "No card is no clearance." in text
    assert re.search(r"not a medical device", text, re.IGNORECASE)


def test_of_a_person_only_the_date_of_birth_is_read() -> None:
    assert {field.name for field in msgspec.structs.fields(Patient)} == {
        "resource_type",
        "id",
        "birth_date",
    }
    assert len(ATTRIBUTES["attributes"]) == 13
    used = [entry["attribute"] for entry in ATTRIBUTES["attributes"] if entry.get("used")]
    assert used == ["Use of date of birth", "Use of health status assessments"]
