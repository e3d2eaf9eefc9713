"""Corners of readings, rules and engine that no patient of the decks reaches."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from hooks import SERVICES, values
from hooks.answer import Truth
from hooks.engine.evaluate import combined
from hooks.engine.recommendation import BadRecommendation, load_catalogue, parse
from hooks.engine.wording import SUMMARY_LIMIT, summary
from hooks.facts.order import OrderCheck, earlier_doses
from hooks.fhir import Medication, Specimen, contained, read_resource
from hooks.order_sign import rules
from hooks.order_sign.dosing import band_shown
from hooks.readings.chart import Chart
from hooks.readings.dates import birth_dates, moment
from hooks.readings.sections import read_both_ways
from hooks.readings.subject import is_about
from hooks.record import DraftOrder, Failure, Reason, http_reason
from hooks.values import lexicon, yaml_file
from tests.unit.hooks.records import (
    BREAST,
    ICD,
    LM,
    LOINC,
    SNOMED,
    about,
    coded,
    opened,
    order,
    record,
    signed,
)

YES, NO, UNKNOWN = Truth.YES, Truth.NO, Truth.UNKNOWN
DIPLOPIA = about("Condition", "s", code=coded(ICD, "H53.2"), recordedDate="2026-11-15")


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({}, YES),
        ({"all": [YES, YES]}, YES),
        ({"all": [YES, UNKNOWN]}, UNKNOWN),
        ({"all": [NO, UNKNOWN]}, NO),
        ({"any": [NO, YES]}, YES),
        ({"any": [NO, UNKNOWN]}, UNKNOWN),
        ({"any": [NO, NO]}, NO),
        ({"none": [NO, NO]}, YES),
        ({"none": [NO, UNKNOWN]}, UNKNOWN),
        ({"none": [YES, UNKNOWN]}, NO),
        ({"all": [YES], "any": [YES], "none": [NO]}, YES),
    ],
)
def test_three_valued_groups(groups: dict[str, list[Truth]], expected: Truth) -> None:
    assert combined(groups) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T23:30:00-02:00", date(2026, 11, 22)),
        ("2026-11-21T00:30:00+0200", date(2026, 11, 20)),
        ("2026-11-21T10:00", date(2026, 11, 21)),
        ("2026-11-21T10:00:00.123z", date(2026, 11, 21)),
        ("2026-11-21T10:00:00+99:99", None),
        ("2026-11-21T10:00:00+14:00", date(2026, 11, 20)),
        ("2026-02-30", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("2026-11", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_moments(text: str, expected: date | None) -> None:
    found = moment(text)
    assert (found.day if found else None) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970", (date(1970, 1, 1), date(1970, 12, 31))),
        ("1970-02", (date(1970, 2, 1), date(1970, 2, 28))),
        ("1970-13", ()),
        ("9999", ()),
        ("unknown", ()),
    ],
)
def test_birth_dates(text: str, expected: tuple[date, ...]) -> None:
    assert birth_dates(text) == expected


def test_reasons() -> None:
    assert http_reason(503) == "http-503"
    assert Failure("Patient", Reason.TIMEOUT).reason == "timeout"


@pytest.mark.parametrize(
    ("reference", "base", "expected"),
    [
        ("Patient/p", None, True),
        ("Patient/p/_history/2", None, True),
        ("p", None, True),
        ("https://a.example/r4/Patient/p", "https://a.example/r4/", True),
        ("https://b.example/r4/Patient/p", "https://a.example/r4", False),
        ("https://b.example/r4/Patient/p", None, True),
        ("Group/p", None, False),
        ("Patient/q", None, False),
    ],
)
def test_whose_data(reference: str, base: str | None, expected: bool) -> None:
    raw = {"resourceType": "Condition", "subject": {"reference": reference}}
    assert is_about(raw, "p", base) is expected


def test_a_subject_without_reference_is_nobody() -> None:
    assert not is_about({"resourceType": "Condition", "subject": {"display": "p"}}, "p")
    assert is_about({"resourceType": "Medication"}, "p")
    assert is_about({"resourceType": "Patient", "id": "p"}, "p")
    local = frozenset({"urn:uuid:1"})
    assert is_about(
        {"resourceType": "Device", "patient": {"reference": "urn:uuid:1"}}, "p", None, local
    )


def test_contained_resources() -> None:
    entries = (
        {"resourceType": "Specimen", "id": "s"},
        {"resourceType": "Medication", "id": "m", "code": 1},
    )
    assert isinstance(contained(entries, "#s", Specimen), Specimen)
    assert contained(entries, "#m", Medication) is None
    assert contained(entries, "#x", Medication) is None
    assert contained(None, "#s", Specimen) is None
    of_two = ({"resourceType": "Specimen", "id": "blood"}, *entries)
    found = contained(of_two, "#s", Specimen)
    assert found is not None
    assert found.id == "s"
    assert contained(({"resourceType": "Medication", "id": "s"},), "#s", Specimen) is None
    with pytest.raises(ValueError, match="Expected"):
        read_resource(
            about(
                "DiagnosticReport",
                "r",
                contained=[{"resourceType": "Specimen", "id": "s", "type": 1}],
            )
        )


def test_a_long_summary_names_two_then_one_then_the_title() -> None:
    names = ("x" * 45, "y" * 45, "z" * 45)
    assert summary("{a} noted", {"a": names}, "title").endswith("y" * 45 + " and 1 more noted")
    assert "and 2 more" in summary("{a} noted", {"a": tuple(n * 2 for n in names)}, "title")
    assert summary("{a}", {"a": "w" * (SUMMARY_LIMIT + 1)}, "title") == "title"


def test_a_bad_file_is_named() -> None:
    good = yaml_file_of("mtx-allergy")
    with pytest.raises(BadRecommendation, match=r"x\.yaml, \$: 'title' is a required property"):
        parse("x", {k: v for k, v in good.items() if k != "title"})
    with pytest.raises(BadRecommendation, match="no fact is called nonsense"):
        parse("x", {**good, "applies_when": {"all": ["nonsense"]}})


def yaml_file_of(name: str) -> dict[str, object]:
    from importlib import resources

    import yaml

    text = (resources.files("hooks.order_sign") / f"{name}.yaml").read_text(encoding="utf-8")
    content: dict[str, object] = yaml.safe_load(text)
    return content


def test_a_file_that_no_catalogue_names_stops_the_start(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    package = tmp_path / "stray"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "_catalogue.yaml").write_text("card_limit: 3\nby_indicator: true\npriority: []\n")
    (package / "stray.yaml").write_text("{}")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BadRecommendation, match=r"stray\.yaml: add it to stray/_catalogue\.yaml"):
        load_catalogue("stray")


def test_data_files_are_mappings_and_terms_unique(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values.yaml, "load", lambda *_args, **_options: [])
    with pytest.raises(TypeError, match="mapping"):
        yaml_file.__wrapped__("needs.yaml")
    monkeypatch.undo()
    twice = {"terms": {"x": {"patterns": [{"pattern": "x"}]}}}
    monkeypatch.setattr(lexicon, "file_names", lambda *_: ["a.yaml", "b.yaml"])
    monkeypatch.setattr(lexicon, "yaml_file", lambda _: twice)
    with pytest.raises(ValueError, match="defined twice"):
        lexicon._terms.__wrapped__()


def test_data_incomplete_in_a_merged_card() -> None:
    service = SERVICES["lm-patient-view"]
    short = replace(service, catalogue=replace(service.catalogue, card_limit=1))
    failures = [Failure("ServiceRequest", "timeout")]
    card = short.cards(record(BREAST, DIPLOPIA, failures=failures))[0]
    assert [item.recommendation for item in card.items] == ["suspected-lm", "data-incomplete"]
    assert "Data could not be read" in card.body["detail"]
    assert "ServiceRequest could not be read (timeout)" in card.body["detail"]


def test_an_order_without_id_offers_no_change() -> None:
    draft = order(dosage={"doseAndRate": [{"doseQuantity": {"value": 20, "unit": "mg"}}]})
    del draft["id"]
    cards = SERVICES["lm-order-sign"].cards(record(BREAST, LM, orders=[draft]))
    labels = [s["label"] for c in cards for s in c.body.get("suggestions", [])]
    assert not any("order" in label and "Delete" in label for label in labels)


def test_two_instructions_are_not_changed_by_one_click() -> None:
    draft = order(dosage={"route": {}, "text": "12 mg intrathecally"})
    draft["dosageInstruction"] *= 2
    cards = SERVICES["lm-order-sign"].cards(record(BREAST, LM, orders=[draft]))
    assert not any(
        s["actions"][0]["type"] == "update" for c in cards for s in c.body.get("suggestions", [])
    )


OTHER = {"subject": {"reference": "Patient/q"}}


def _foreign(raw: dict[str, object]) -> set[tuple[str, str]]:
    found = record(orders=[raw])
    draft = replace(found.drafts[0], another_patient=True)
    items = SERVICES["lm-order-sign"].items(replace(found, drafts=(draft,)))
    return {(item.recommendation, item.indicator.value) for item in items}


def test_orders_of_another_patient() -> None:
    warning = ("mtx-not-verifiable", "warning")
    high = {"doseAndRate": [{"doseQuantity": {"value": 20, "unit": "mg"}}], "text": "20 mg"}
    assert _foreign(order(dosage=high)) == {
        warning,
        ("mtx-dose-for-age", "critical"),
        ("mtx-preservative", "warning"),
    }
    vinca = order(medicationCodeableConcept={"text": "vincristine"})
    assert _foreign(vinca) == {warning, ("vinca-intrathecal", "critical")}
    assert _foreign(order(medicationCodeableConcept={})) == {warning}
    assert _foreign(order(medicationCodeableConcept={"text": "cytarabine"})) == set()
    assert (
        _foreign(order(dosage={"route": coded(SNOMED, "26643006"), "text": "", "site": {}}))
        == set()
    )


def test_an_entry_that_is_no_order_is_named() -> None:
    draft = DraftOrder("draft order 1", {}, None)
    found = replace(record(), drafts=(draft,))
    items = SERVICES["lm-order-sign"].items(found)
    assert [(i.recommendation, i.indicator.value) for i in items] == [
        ("mtx-not-verifiable", "warning")
    ]
    told = SERVICES["lm-order-sign"].explanation(found)
    assert {entry["outcome"] for entry in told} == {"applies", "cannot tell"}


def test_without_conditions_the_radiotherapy_of_a_systemic_order_is_not_verifiable() -> None:
    oral = order(dosage={"route": coded(SNOMED, "47625008"), "text": "IV", "site": {}})
    failures = [Failure("Condition", "timeout"), Failure("Procedure", "timeout")]
    assert signed(orders=[oral], failures=failures) == {("mtx-not-verifiable", "warning")}
    assert signed(orders=[order()], failures=failures[:1]) >= {("mtx-not-verifiable", "warning")}


def test_an_order_without_planned_time_has_no_earlier_doses() -> None:
    chart = Chart(record(BREAST, LM, orders=[order()]))
    drug_order = rules.drug_orders(chart)[0]
    timeless = replace(drug_order.instructions[0], planned=None)
    assert earlier_doses(OrderCheck(chart, drug_order, timeless, 56)) == ()


@pytest.mark.parametrize(
    ("cancer", "shown"),
    [({"text": "acute lymphoblastic leukaemia"}, "12-15 mg"), (BREAST["code"], "12 mg")],
)
def test_the_band_of_a_child_depends_on_the_cancer(cancer: dict[str, object], shown: str) -> None:
    chart = Chart(record({**BREAST, "code": cancer}, orders=[order()]))
    drug_order = rules.drug_orders(chart)[0]
    assert band_shown(OrderCheck(chart, drug_order, drug_order.instructions[0], 5)) == shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Cells\npresent", "present"),
        ("no cells\npresent", "undecided"),
        ("Cells present", "present"),
    ],
)
def test_a_text_decides_where_a_line_end_changes_nothing(text: str, told: str) -> None:
    def read(whole: str) -> str:
        return "absent" if "no cells present" in whole else "present"

    assert read_both_ways(text, read, "undecided") == told


def test_status_text_counts_where_there_is_no_code() -> None:
    resolved = {**DIPLOPIA, "clinicalStatus": {"text": "Resolved"}}
    assert opened(BREAST, resolved) == set()
    remission = {**LM, "clinicalStatus": {"text": "Remission"}}
    assert opened(BREAST, remission, DIPLOPIA) == {
        ("neuraxis-mri-missing", "warning"),
        ("eano-classification", "info"),
        ("molecular-result-missing", "info"),
        ("record-kps", "info"),
    }


def test_post_puncture_headache_is_no_headache() -> None:
    both = {"coding": [{"system": ICD, "code": "R51.9"}, {"system": SNOMED, "code": "398987004"}]}
    assert opened(BREAST, about("Condition", "h", code=both, recordedDate="2026-11-15")) == set()


def test_sensory_loss_explained_in_its_own_note() -> None:
    tingling = about(
        "Observation",
        "o",
        status="final",
        code={"text": "Numbness of both feet"},
        valueBoolean=True,
        effectiveDateTime="2026-11-15",
        note=[{"text": "chemotherapy-induced"}],
    )
    assert opened(BREAST, tingling) == set()
    assert opened(BREAST, {**tingling, "note": []}) == {("suspected-lm", "warning")}


def test_a_cytology_that_is_part_of_a_puncture_needs_words() -> None:
    puncture = about("Procedure", "lp", status="completed", code=coded(SNOMED, "277762005"))
    glucose = about(
        "Observation",
        "g",
        status="final",
        code={"text": "CSF glucose"},
        partOf=[{"reference": "Procedure/lp"}],
        effectiveDateTime="2026-11-18",
        interpretation=[
            coded("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "N")
        ],
    )
    silent_parts = (glucose, {**glucose, "valueQuantity": {"value": 60}})
    for part in silent_parts:
        assert opened(BREAST, DIPLOPIA, puncture, part) == {("suspected-lm", "warning")}
    told = {**glucose, "valueString": "No malignant cells seen"}
    assert opened(BREAST, DIPLOPIA, puncture, told) == {("repeat-lp", "warning")}


def test_contained_specimen_decides_volume_and_time() -> None:
    report = about(
        "DiagnosticReport",
        "r",
        status="final",
        code=coded(LOINC, "10525-4", "Cytology"),
        specimen=[{"reference": "#s"}],
        conclusion="No malignant cells seen",
        contained=[
            {
                "resourceType": "Specimen",
                "id": "s",
                "type": coded(SNOMED, "258450006"),
                "collection": {
                    "collectedDateTime": "2026-11-15T08:00:00Z",
                    "quantity": {"value": 11, "unit": "mL"},
                },
                "processing": [{"timeDateTime": "2026-11-15T08:20:00Z"}],
            }
        ],
    )
    samples = Chart(record(BREAST, report)).cytologies.samples
    assert [sample.optimal for sample in samples] == [True]
    blood = {**report["contained"][0], "type": {"text": "blood"}}
    assert Chart(record(BREAST, {**report, "contained": [blood]})).cytologies.samples == ()
    untyped = {"resourceType": "Specimen", "id": "s"}
    assert Chart(record(BREAST, {**report, "contained": [untyped]})).cytologies.samples == ()


def test_running_radiotherapy_without_a_date_outdates_a_flow_study() -> None:
    flow = about(
        "DiagnosticReport",
        "f",
        status="final",
        code=coded(LOINC, "42386-3"),
        effectiveDateTime="2026-11-15",
        conclusion="Normal CSF flow",
    )
    running = about(
        "Procedure", "rt", status="in-progress", code={"text": "Radiotherapy of the spine"}
    )
    assert ("mtx-not-verifiable", "warning") in signed(BREAST, LM, flow, running, orders=[order()])
    absent = {
        "resourceType": "Device",
        "id": "v",
        "patient": {"reference": "Patient/p"},
        "status": "inactive",
        "type": {"text": "VP shunt"},
    }
    refuted = about(
        "Condition", "n", code=coded(ICD, "Z98.2"), verificationStatus=coded("x", "refuted")
    )
    documented = signed(BREAST, LM, flow, absent, refuted, orders=[order()])
    assert documented == set()


def test_an_order_of_another_drug_beside_a_reference_without_display() -> None:
    draft = order(
        medicationReference={"reference": "#m"},
        contained=[
            {
                "resourceType": "Medication",
                "id": "m",
                "code": {"coding": [{"system": "urn:x", "code": "1"}]},
            }
        ],
    )
    del draft["medicationCodeableConcept"]
    assert ("mtx-not-verifiable", "warning") in signed(orders=[draft])
    named = {**draft, "medicationReference": {"reference": "#m", "display": "methotrexate"}}
    assert ("mtx-indication", "warning") in signed(orders=[named])


def test_an_unreadable_substance_names_nothing() -> None:
    within = {
        "resourceType": "Medication",
        "id": "m",
        "code": {"text": "methotrexate"},
        "ingredient": [{"itemReference": {"reference": "#s", "display": "benzyl alcohol"}}],
    }
    broken = {"resourceType": "Substance", "id": "s", "code": 5}
    draft = order(medicationReference={"reference": "#m"}, contained=[within, broken])
    del draft["medicationCodeableConcept"]
    assert ("mtx-preservative", "critical") in signed(BREAST, LM, orders=[draft])


def test_results_without_date_or_value() -> None:
    undated = about(
        "Observation",
        "a",
        status="final",
        code=coded(LOINC, "777-3"),
        valueQuantity={"value": 9, "code": "10*3/uL"},
    )
    empty = about(
        "Observation",
        "b",
        status="final",
        code=coded(LOINC, "777-3"),
        effectiveDateTime="2026-11-20",
        valueQuantity={"code": "10*3/uL"},
    )
    lumbar = order(dosage={"site": {"text": "lumbar"}})
    found = signed(BREAST, LM, undated, empty, orders=[lumbar])
    assert not any(name == "mtx-lumbar-access-safety" for name, _ in found)


def test_a_cancelled_administration_was_not_given() -> None:
    given = about(
        "MedicationAdministration",
        "g",
        status="not-done",
        medicationCodeableConcept={"text": "methotrexate"},
        effectiveDateTime="2026-11-21T08:00:00Z",
        dosage={"route": coded(SNOMED, "72607000")},
    )
    other = {
        **given,
        "id": "o",
        "status": "completed",
        "medicationCodeableConcept": {"text": "saline"},
    }
    assert not any(
        name == "mtx-interval" for name, _ in signed(BREAST, LM, given, other, orders=[order()])
    )


def test_reasons_of_an_order_that_are_malignant() -> None:
    draft = order(reasonCode=[coded(ICD, "C79.32")])
    assert ("mtx-indication", "warning") in signed(orders=[draft])
    assert ("mtx-indication", "critical") in signed(
        orders=[order(reasonCode=[{"text": "x"}, coded(ICD, "M06.9")])]
    )


def test_orders_without_ids_are_different_orders() -> None:
    one, other = order(), order()
    del one["id"], other["id"]
    assert ("mtx-interval", "critical") in signed(BREAST, LM, orders=[one, other])


def test_a_type_that_no_fact_reads() -> None:
    assert read_resource({"resourceType": "Encounter", "id": "e"}) is None


def test_a_blood_group_under_a_cytology_name_is_no_cytology() -> None:
    puncture = about("Procedure", "lp", status="completed", code=coded(SNOMED, "277762005"))
    rhesus = about(
        "Observation",
        "r",
        status="final",
        code=coded(LOINC, "10331-7", "CSF Cytology"),
        partOf=[{"reference": "Procedure/lp"}],
        effectiveDateTime="2026-11-18",
        valueString="Positive",
    )
    assert opened(BREAST, DIPLOPIA, puncture, rhesus) == {("suspected-lm", "warning")}


def test_an_unknown_result_code_leaves_the_text_to_decide() -> None:
    report = about(
        "DiagnosticReport",
        "c",
        status="final",
        code={"text": "CSF cytology"},
        effectiveDateTime="2026-11-18",
        conclusionCode=[coded("urn:local", "17")],
        conclusion="Atypical cells",
        contained=[{"resourceType": "Specimen", "id": "s", "type": {"text": "CSF"}}],
        specimen=[{"reference": "#s"}],
    )
    samples = Chart(record(BREAST, report)).cytologies.samples
    assert [sample.result.value for sample in samples] == ["equivocal"]
