"""Which date of an entry counts, and what the problem list says of cancer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hooks.answer import Evidence
from hooks.readings.chart import Chart
from hooks.readings.malignancy import Kind
from tests.unit.hooks.records import (
    BREAST,
    ICD,
    INTRATHECAL,
    LOINC,
    SNOMED,
    about,
    chart,
    coded,
    mri,
    observed,
    problem,
    procedure,
    report,
    requested,
)

Json = dict[str, Any]
EARLY, LATE = "2026-10-01", "2026-11-12"


def kps(**members: Any) -> Json:
    bare = observed("k", coded(LOINC, "89243-0"), valueInteger=80)
    del bare["effectiveDateTime"]
    return {**bare, **members}


@pytest.mark.parametrize(
    ("members", "days"),
    [
        ({"effectiveDateTime": LATE, "issued": "2026-11-20T10:00:00Z"}, 9),
        ({"effectiveInstant": "2026-11-12T10:00:00Z", "issued": "2026-11-20T10:00:00Z"}, 9),
        ({"effectivePeriod": {"start": EARLY, "end": LATE}}, 9),
        ({"effectivePeriod": {"start": LATE}}, 9),
        ({"issued": "2026-11-12T10:00:00Z"}, 9),
        ({"effectiveDateTime": "2026-11-12T23:30:00-05:00"}, 8),
        ({"effectiveDateTime": "2026-11-12T00:30:00+02:00"}, 10),
        ({"effectiveDateTime": "2026-11-22"}, 0),
        ({"effectiveDateTime": "2026-11-23"}, None),
        ({"effectiveDateTime": "2026-11"}, None),
        ({}, None),
    ],
)
def test_the_day_of_an_observation(members: Json, days: int | None) -> None:
    found = chart(kps(**members)).score("kps")
    assert (found and found.days) == days


@pytest.mark.parametrize(
    ("members", "days"),
    [
        ({"effectiveDateTime": LATE, "issued": "2026-11-20T10:00:00Z"}, 9),
        ({"effectivePeriod": {"start": EARLY, "end": LATE}}, 9),
        ({"effectivePeriod": {"start": LATE}}, 9),
        ({"issued": "2026-11-12T10:00:00Z"}, 9),
        ({}, None),
    ],
)
def test_the_day_of_a_report(members: Json, days: int | None) -> None:
    study = {**mri("brain", "No leptomeningeal enhancement."), "effectiveDateTime": None}
    assert [s.days for s in chart({**study, **members}).brain] == ([] if days is None else [days])


@pytest.mark.parametrize(
    ("members", "days"),
    [
        ({"performedDateTime": LATE}, 9),
        ({"performedDateTime": None, "performedPeriod": {"start": EARLY, "end": LATE}}, 9),
        ({"performedDateTime": None, "performedPeriod": {"start": LATE}}, 9),
        ({"performedDateTime": None}, None),
    ],
)
def test_the_day_of_a_procedure(members: Json, days: int | None) -> None:
    (course,) = chart(procedure("r", {"text": "Whole brain radiotherapy"}, **members)).courses
    assert course.days == days


@pytest.mark.parametrize(
    ("members", "day"),
    [
        ({"onsetDateTime": EARLY, "recordedDate": LATE}, EARLY),
        ({"onsetDateTime": None, "recordedDate": LATE}, LATE),
        ({"onsetDateTime": EARLY, "recordedDate": None}, EARLY),
    ],
)
def test_a_problem_began_at_its_onset_else_when_it_was_recorded(members: Json, day: str) -> None:
    found = chart(problem("h", coded(ICD, "G91.1"), **members)).hydrocephalus
    assert found is not None
    assert str(found.source.day) == day


@pytest.mark.parametrize(
    ("members", "day"),
    [
        ({"effectiveDateTime": LATE}, LATE),
        ({"effectiveDateTime": None, "effectivePeriod": {"start": EARLY, "end": LATE}}, EARLY),
        ({"effectiveDateTime": None}, None),
    ],
)
def test_an_administration_counts_from_its_start(members: Json, day: str | None) -> None:
    own = {"status": "completed", "medicationCodeableConcept": {"text": "methotrexate"}}
    given = about("MedicationAdministration", "g", **{**own, "dosage": INTRATHECAL, **members})
    assert [str(a.start.day) for a in chart(given).methotrexate_given] == ([day] if day else [])


@pytest.mark.parametrize(
    ("value", "present"),
    [
        ({"valueBoolean": True}, True),
        ({"valueBoolean": False}, False),
        ({"valueString": "Present."}, True),
        ({"valueString": "absent"}, False),
        ({"valueCodeableConcept": {"text": "Positive"}}, True),
        ({"valueCodeableConcept": coded(SNOMED, "10828004")}, True),
        ({"valueCodeableConcept": coded(SNOMED, "260385009")}, False),
        ({"valueString": "see note"}, None),
        ({}, None),
    ],
)
def test_whether_an_observation_says_present(value: Json, present: bool | None) -> None:
    found = chart(observed("s", {"text": "VP shunt"}, **value)).shunt
    assert found is not None
    assert (found.status.value == "none") is (present is False)
    finding = chart(observed("s", {"text": "Double vision"}, **value))
    assert bool(finding.symptoms) is (present is True)


def cancers(*entries: Json) -> tuple[set[tuple[str, str]], bool]:
    found = chart(*entries).malignancies
    return {(entry.kind.value, entry.site) for entry in found.entries}, found.metastatic


SOLID, HAEM, CNS = Kind.SOLID.value, Kind.HAEMATOLOGICAL.value, Kind.CNS.value
LIVER = problem("m", coded(ICD, "C78.7"))


@pytest.mark.parametrize(
    ("entries", "found", "metastatic"),
    [
        ((problem("c", coded(ICD, "C50.9")),), {(SOLID, "breast")}, False),
        ((problem("c", coded(ICD, "C34.1")),), {(SOLID, "lung")}, False),
        ((problem("c", coded(ICD, "C43.9")),), {(SOLID, "melanoma")}, False),
        ((problem("c", coded(ICD, "C18.9")),), {(SOLID, "other")}, False),
        ((problem("c", coded(ICD, "C91.00")),), {(HAEM, "none")}, False),
        ((problem("c", coded(ICD, "C71.9")),), {(CNS, "none")}, False),
        ((problem("c", {"text": "Metastatic breast cancer"}),), {(SOLID, "breast")}, True),
        ((problem("c", {"text": "Non-metastatic breast cancer"}),), {(SOLID, "breast")}, False),
        ((problem("c", coded(ICD, "C50.9")), LIVER), {(SOLID, "breast")}, True),
        ((LIVER,), {(SOLID, "unknown")}, True),
        ((problem("c", {"text": "Liver metastases"}),), {(SOLID, "unknown")}, True),
        ((problem("c", {"text": "Ductal carcinoma in situ of breast"}),), set(), False),
        ((problem("c", {"text": "No breast cancer"}),), set(), False),
        ((problem("c", {"text": "Acute lymphoblastic leukaemia"}),), {(HAEM, "none")}, False),
        ((problem("c", {"text": "Glioblastoma"}),), {(CNS, "none")}, False),
        ((problem("c", coded(ICD, "H53.2")),), set(), False),
        (
            (problem("c", coded(ICD, "C50.9")), problem("d", coded(ICD, "C91.00"))),
            {(SOLID, "breast"), (HAEM, "none")},
            False,
        ),
        ((problem("c", coded(ICD, "C79.32")),), {(SOLID, "unknown")}, True),
    ],
)
def test_the_cancers_of_a_problem_list(
    entries: tuple[Json, ...], found: set[tuple[str, str]], metastatic: bool
) -> None:
    assert cancers(*entries) == (found, metastatic)
    assert cancers(*reversed(entries)) == (found, metastatic)


@pytest.mark.parametrize("codes", [("C50.9", "C79.9"), ("C79.9", "C50.9"), ("C50.9", "C80.1")])
def test_of_several_codes_of_an_entry_the_primary_site_counts(codes: tuple[str, str]) -> None:
    both = {"coding": [{"system": ICD, "code": code} for code in codes]}
    assert cancers(problem("c", both))[0] == {(SOLID, "breast")}


def test_of_several_metastases_the_first_is_cited() -> None:
    bone = problem("b", coded(ICD, "C79.51"))
    (entry,) = chart(LIVER, bone).malignancies.entries
    assert entry.source.reference == "Condition/m"


def test_a_stage_says_metastatic() -> None:
    staged = {**BREAST, "stage": [{"summary": {"text": "Metastatic"}}]}
    assert cancers(staged) == ({(SOLID, "breast")}, True)
    assert cancers({**BREAST, "stage": [{"summary": {"text": "Stage II"}}]})[1] is False


def test_a_code_for_the_primary_stays_one_where_the_text_names_lm() -> None:
    words = "Breast cancer with leptomeningeal metastasis"
    both = problem("c", coded(ICD, "C50.9", words))
    found = chart(both)
    assert cancers(both)[0] == {(SOLID, "breast")}
    assert found.lm_entry is not None


@pytest.mark.parametrize(
    ("code", "small"),
    [
        ({"text": "Small cell lung cancer"}, True),
        ({"text": "Non-small cell lung cancer"}, False),
        (coded(ICD, "C34.9", "Small cell carcinoma of lung"), True),
        (coded(ICD, "C34.9"), False),
        (coded(SNOMED, "254632001"), True),
    ],
)
def test_small_cell_lung_cancer(code: Json, small: bool) -> None:
    (entry,) = chart(problem("c", code)).malignancies.entries
    assert (entry.site, entry.small_cell) == ("lung", small)


@pytest.mark.parametrize(
    ("text", "diagnosis"),
    [
        ("Leptomeningeal metastasis", "confirmed"),
        ("Probable leptomeningeal metastasis", "probable"),
        ("Suspected leptomeningeal metastasis", "suspected"),
        ("Rule out leptomeningeal metastasis", "suspected"),
        ("No leptomeningeal metastasis", None),
        ("Leptomeningeal metastasis ruled out", None),
    ],
)
def test_what_a_text_says_of_lm(text: str, diagnosis: str | None) -> None:
    found = chart(problem("l", {"text": text})).lm_entry
    assert (found and found.diagnosis.value) == diagnosis


LM_ONLY: dict[str, tuple[Json, Evidence]] = {
    "problem": (
        problem("l", coded(ICD, "C79.32"), recordedDate=None),
        Evidence("Condition/l", "leptomeningeal metastasis, confirmed"),
    ),
    "cytology": (
        report("c", {"text": "CSF cytology"}, "Malignant cells present.", effectiveDateTime=None),
        Evidence("DiagnosticReport/c", "CSF cytology", "positive", None, "text"),
    ),
}


@pytest.mark.parametrize("name", LM_ONLY)
def test_lm_alone_stands_for_one_solid_tumour(name: str) -> None:
    entry, cited = LM_ONLY[name]
    found = chart(entry)
    assert cancers(entry) == ({(SOLID, "unknown")}, True)
    assert found.malignancies.entries[0].source == cited
    assert found.recorded_malignancies.entries == ()


GENE = coded(LOINC, "48018-6")
VARIANT = coded(LOINC, "69548-6")
FOUND_CODE, ABSENT_CODE = coded(LOINC, "LA9633-4"), coded(SNOMED, "260385009")
HGNC = "http://www.genenames.org"


def variant(gene: Json, value: Json, **members: Any) -> Json:
    component = [{"code": GENE, "valueCodeableConcept": gene}]
    return observed("v", VARIANT, component=component, valueCodeableConcept=value, **members)


@pytest.mark.parametrize(
    ("gene", "found"),
    [
        (coded(f"{HGNC}/geneId", "HGNC:3236"), "EGFR"),
        (coded(HGNC, "HGNC:3236"), "EGFR"),
        (coded(f"{HGNC}/geneId", "3236"), "EGFR"),
        (coded(f"{HGNC}/geneId", "HGNC:427"), "ALK"),
        (coded(f"{HGNC}/geneId", "HGNC:6407"), None),
        ({"text": "EGFR"}, "EGFR"),
        ({"text": "KRAS"}, None),
        (coded(f"{HGNC}/geneId", "HGNC:6407", "EGFR"), None),
    ],
)
def test_the_gene_of_a_variant(gene: Json, found: str | None) -> None:
    read = chart(variant(gene, FOUND_CODE)).markers
    assert list(read) == ([found] if found else [])
    assert all(marker.positive for marker in read.values())


@pytest.mark.parametrize(
    ("value", "positive"),
    [
        (FOUND_CODE, True),
        (ABSENT_CODE, False),
        ({"text": "Detected"}, True),
        ({"text": "Detected."}, True),
        ({"text": "Not detected."}, False),
        ({"text": "See report"}, None),
    ],
)
def test_the_result_of_a_variant(value: Json, positive: bool | None) -> None:
    found = chart(variant({"text": "EGFR"}, value))
    assert {gene: m.positive for gene, m in found.markers.items()} == (
        {} if positive is None else {"EGFR": positive}
    )
    assert found.unclear_markers == (frozenset({"EGFR"}) if positive is None else frozenset())


def test_another_change_of_braf_is_no_target() -> None:
    other = variant({"text": "BRAF"}, FOUND_CODE, note=[{"text": "p.G469A"}])
    target = variant({"text": "BRAF"}, FOUND_CODE, note=[{"text": "p.V600E"}])
    assert chart(other).markers == {}
    assert chart(target).markers["BRAF"].positive


NAMED: dict[str, tuple[Json, frozenset[str]]] = {
    "report": (report("r", {"text": "EGFR testing"}, "Result pending."), frozenset({"EGFR"})),
    "problem": (problem("c", {"text": "EGFR status unclear"}), frozenset({"EGFR"})),
    "doubtful problem": (
        problem("c", {"text": "EGFR status unclear"}, verificationStatus=coded("x", "refuted")),
        frozenset(),
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_markers_that_are_named_without_a_result(name: str) -> None:
    entry, named = NAMED[name]
    assert chart(entry).unclear_markers == named


PDF = {"contentType": "application/pdf", "data": "JVBERg=="}


@pytest.mark.parametrize(
    ("members", "unread"),
    [
        ({"presentedForm": [PDF]}, True),
        ({"presentedForm": [PDF], "status": "preliminary"}, False),
        ({"presentedForm": [PDF], "code": {"text": "Chest CT"}}, False),
        ({"conclusion": "EGFR wild type."}, False),
    ],
)
def test_a_molecular_report_that_cannot_be_read(members: Json, unread: bool) -> None:
    entry = report("r", {"text": "Next-generation sequencing panel"})
    assert chart({**entry, **members}).unread_molecular_report is unread


UNREAD: dict[str, tuple[Json, Callable[[Chart], Any]]] = {
    "brain": (mri("brain", ""), lambda c: c.brain[0]),
    "spine": (mri("whole spine", ""), lambda c: c.spine[0]),
}


@pytest.mark.parametrize("name", UNREAD)
def test_an_mri_that_cannot_be_read_is_marked(name: str) -> None:
    study, read = UNREAD[name]
    found = read(chart({**study, "presentedForm": [PDF]}))
    assert (found.unread, found.source.value) == (True, "report could not be read")
    told = read(
        chart({**study, "presentedForm": [PDF], "conclusion": "No leptomeningeal enhancement."})
    )
    assert (told.unread, told.source.value) == (False, "leptomeningeal pattern normal")


def test_a_drug_of_the_server_is_planned_when_it_was_authored() -> None:
    orders = chart(requested("m", "methotrexate", dosageInstruction=[INTRATHECAL])).server_orders
    planned = orders[0].instructions[0].planned
    assert planned is not None
    assert str(planned.day) == LATE
    assert orders[0].label == "MedicationRequest/m"
