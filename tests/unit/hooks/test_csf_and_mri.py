"""CSF samples and MRI studies: which of several counts, and what belongs together."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from hooks import SERVICES
from hooks.readings.chart import Chart
from hooks.readings.cytology import Cytologies, Sample
from hooks.readings.imaging import Study
from hooks.record import Failure
from tests.unit.hooks.records import (
    BREAST,
    ICD,
    LOINC,
    SNOMED,
    about,
    coded,
    mri,
    observed,
    problem,
    procedure,
    record,
    report,
)

Json = dict[str, Any]
CSF = {"text": "CSF cytology"}
NEGATIVE, POSITIVE = "No malignant cells seen.", "Malignant cells present."
PUNCTURE = procedure("lp", coded(SNOMED, "277762005"))


def cytology(own_id: str, words: str, day: str | None = "2026-11-10", **members: Any) -> Json:
    return report(own_id, CSF, words, effectiveDateTime=day, **members)


def read(*resources: Json) -> Cytologies:
    return Chart(record(*resources)).cytologies


def sample(*resources: Json) -> Sample:
    (only,) = read(*resources).samples
    return only


AWAITED = cytology("new", "", "2026-11-20", status="registered")
OLD_POSITIVE = cytology("old", POSITIVE, "2025-01-02")
TWO_NEGATIVE = (cytology("a", NEGATIVE, "2026-11-02"), cytology("b", NEGATIVE, "2026-11-12"))


@pytest.mark.parametrize(
    ("resources", "decisive"),
    [
        ((AWAITED, *TWO_NEGATIVE), "b"),
        ((*reversed(TWO_NEGATIVE), AWAITED), "b"),
        ((*TWO_NEGATIVE, OLD_POSITIVE), "old"),
    ],
)
def test_the_sample_that_decides(resources: tuple[Json, ...], decisive: str) -> None:
    found = read(*resources).decisive
    assert found is not None
    assert found.source.reference == f"DiagnosticReport/{decisive}"


def test_an_awaited_sample_decides_nothing() -> None:
    assert read(AWAITED).decisive is None
    assert read(AWAITED).episode == ()
    assert [s.source.reference for s in read(AWAITED, *TWO_NEGATIVE).episode] == [
        "DiagnosticReport/b",
        "DiagnosticReport/a",
    ]


@pytest.mark.parametrize(("day", "waits"), [("2026-11-07", True), ("2026-11-06", False)])
def test_a_result_is_awaited_for_14_days(day: str, waits: bool) -> None:
    assert (read(cytology("p", "", day, status="preliminary")).pending is not None) is waits


@pytest.mark.parametrize(
    ("day", "words", "counts"),
    [
        ("2026-11-22", POSITIVE, True),
        ("2026-11-23", POSITIVE, False),
        (None, POSITIVE, True),
        (None, NEGATIVE, False),
    ],
)
def test_a_sample_needs_a_usable_day_unless_it_is_positive(
    day: str | None, words: str, counts: bool
) -> None:
    assert bool(read(cytology("c", words, day)).samples) is counts


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error", "unknown"])
def test_a_report_without_a_standing_result_is_no_sample(status: str) -> None:
    assert read(cytology("c", POSITIVE, status=status)).samples == ()


@pytest.mark.parametrize("status", ["final", "amended", "corrected", "appended"])
def test_an_amended_report_is_a_sample(status: str) -> None:
    assert sample(cytology("c", POSITIVE, status=status)).result.value == "positive"


SPECIMEN = {
    "resourceType": "Specimen",
    "id": "s",
    "type": {"text": "CSF"},
    "collection": {"collectedDateTime": "2026-11-05", "quantity": {"value": 11, "unit": "mL"}},
}
BLOOD = {"resourceType": "Specimen", "id": "b", "type": {"text": "Blood"}}
CODED_BLOOD = {**BLOOD, "type": coded(SNOMED, "119297000")}
UNTYPED = {"resourceType": "Specimen", "id": "u"}


def with_specimens(*specimens: Json, **members: Any) -> Json:
    refs = [{"reference": f"#{one['id']}"} for one in specimens]
    return {**cytology("c", NEGATIVE), "contained": [*specimens], "specimen": refs, **members}


def test_a_sample_has_the_day_on_which_it_was_collected() -> None:
    assert sample(with_specimens(SPECIMEN)).days == 16


@pytest.mark.parametrize(
    ("specimens", "counts"),
    [
        ((BLOOD,), False),
        ((CODED_BLOOD,), False),
        ((UNTYPED,), True),
        ((UNTYPED, BLOOD), False),
        ((BLOOD, SPECIMEN), True),
        ((SPECIMEN, BLOOD), True),
        ((), True),
    ],
)
def test_a_cytology_of_another_fluid_is_none(specimens: tuple[Json, ...], counts: bool) -> None:
    assert bool(read(with_specimens(*specimens)).samples) is counts


def test_the_specimen_states_the_volume_before_the_text_does() -> None:
    words = f"{NEGATIVE} Volume 2 mL. Processed within 20 minutes."
    found = sample(with_specimens(SPECIMEN, conclusion=words)).handling
    assert (found.volume, found.delay, found.fixed) == (11, 20, None)


def test_reports_of_one_day_are_one_sample() -> None:
    first = cytology("a", f"{NEGATIVE} Volume 12 mL.")
    second = cytology("b", "Atypical cells. Processed within 20 minutes.")
    for pair in ((first, second), (second, first)):
        found = sample(*pair)
        assert found.result.value == "equivocal"
        assert found.source.reference == "DiagnosticReport/b"
        assert (found.handling.volume, found.handling.delay) == (12, 20)
        assert found.optimal


def test_an_inadequate_sample_has_no_volume() -> None:
    found = sample(cytology("a", "Inadequate specimen. Volume 12 mL. Processed within 20 minutes."))
    assert found.result.value == "inadequate"
    assert (found.handling.volume, found.handling.delay) == (None, 20)
    assert not found.optimal


@pytest.mark.parametrize(
    ("words", "optimal"),
    [
        ("Volume 4.9 mL. Processed within 30 minutes.", False),
        ("Volume 5 mL. Processed within 30 minutes.", True),
        ("Volume 12 mL. Processed within 31 minutes.", False),
        ("Volume 12 mL. Processed within 31 minutes. Fixed in ethanol.", True),
        ("Volume 12 mL.", False),
        ("Processed within 20 minutes.", False),
    ],
)
def test_when_a_sample_is_optimal(words: str, optimal: bool) -> None:
    assert sample(cytology("a", f"{NEGATIVE} {words}")).optimal is optimal


@pytest.mark.parametrize(
    "reference",
    ["Procedure/lp", "https://a.example/r4/Procedure/lp", "Procedure/lp/_history/3"],
)
def test_an_observation_that_is_part_of_a_puncture(reference: str) -> None:
    part = observed(
        "o", {"text": "Microscopy"}, partOf=[{"reference": reference}], valueString=POSITIVE
    )
    found = sample(PUNCTURE, part)
    assert (found.result.value, found.source.how) == ("positive", "text")
    assert read(part).samples == ()
    assert read(PUNCTURE, {**part, "valueQuantity": {"value": 3}}).samples == ()
    assert read(PUNCTURE, {**part, "status": "entered-in-error"}).samples == ()


ABNORMAL = coded("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "A")
NORMAL = coded("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "N")


@pytest.mark.parametrize(
    ("interpretation", "words", "result", "how"),
    [
        (ABNORMAL, "Malignant cells present.", "positive", "text"),
        (ABNORMAL, "See report.", "equivocal", "code"),
        (NORMAL, "Atypical cells.", "equivocal", "text"),
        (NORMAL, "See report.", "negative", "code"),
    ],
)
def test_abnormal_and_normal_ask_the_text_first(
    interpretation: Json, words: str, result: str, how: str
) -> None:
    told = observed(
        "o",
        coded(LOINC, "10525-4", "CSF cytology"),
        partOf=[{"reference": "Procedure/lp"}],
        interpretation=[interpretation],
        valueString=words,
    )
    found = sample(PUNCTURE, told)
    assert (found.result.value, found.source.how) == (result, how)


def test_a_text_that_says_nothing_is_named_and_no_sample() -> None:
    found = read(cytology("a", "See comment."), cytology("b", NEGATIVE, "2026-11-12"))
    assert found.unclassifiable == ("DiagnosticReport/a",)
    assert [s.source.reference for s in found.samples] == ["DiagnosticReport/b"]


LINEAR, NODULAR = "Linear leptomeningeal enhancement.", "Nodular leptomeningeal enhancement."
PLAIN = "No leptomeningeal enhancement."


def brain(*resources: Json) -> tuple[Study, ...]:
    return Chart(record(*resources)).brain


def spine(*resources: Json) -> tuple[Study, ...]:
    return Chart(record(*resources)).spine


@pytest.mark.parametrize(
    ("words", "pattern"),
    [
        (f"{LINEAR} {NODULAR}", "both"),
        (f"{PLAIN} {NODULAR}", "nodular"),
        ("Linear and nodular leptomeningeal enhancement.", "both"),
        (f"{LINEAR} Possible nodular leptomeningeal enhancement.", "linear"),
        ("Leptomeningeal enhancement.", "linear"),
        ("Possible leptomeningeal enhancement.", "equivocal"),
        (PLAIN, "normal"),
        ("Degenerative changes.", "not stated"),
        ("No leptomeningeal involvement.", "normal"),
        ("No abnormality of the leptomeninges.", "normal"),
        ("Leptomeninges not thickened.", "not stated"),
    ],
)
def test_the_pattern_of_a_report(words: str, pattern: str) -> None:
    assert brain(mri("brain", words))[0].pattern.value == pattern


@pytest.mark.parametrize(
    ("words", "pattern"),
    [
        ("New linear leptomeningeal enhancement, not previously seen.", "linear"),
        ("Leptomeningeal enhancement, previously not seen.", "linear"),
        ("Leptomeningeal enhancement was not seen on the prior examination.", "linear"),
        ("Nodular leptomeningeal enhancement, not present before.", "nodular"),
        ("Not previously seen leptomeningeal enhancement.", "not stated"),
        ("The previously noted leptomeningeal enhancement is not seen.", "not stated"),
        ("Leptomeningeal enhancement is no longer seen.", "normal"),
        ("Leptomeningeal enhancement is not clearly seen.", "not stated"),
    ],
)
def test_what_an_earlier_study_did_not_show_is_new(words: str, pattern: str) -> None:
    assert brain(mri("brain", words))[0].pattern.value == pattern


def test_a_mass_that_an_earlier_study_did_not_show_makes_the_puncture_unsafe() -> None:
    for words in (
        "Mass effect, not seen previously.",
        "Midline shift, not present on the prior MRI.",
        "Not previously seen mass effect.",
    ):
        assert brain(mri("brain", words))[0].masses, words
    assert not brain(mri("brain", "Mass effect is not seen."))[0].masses


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_linear_in_one_report_and_nodular_in_another_of_a_day_are_both(
    order: tuple[int, int],
) -> None:
    pair = ({**mri("brain", LINEAR), "id": "a"}, {**mri("brain", NODULAR), "id": "b"})
    (study,) = brain(*(pair[i] for i in order))
    assert study.pattern.value == "both"
    assert study.source.value == "leptomeningeal pattern both"


@pytest.mark.parametrize(
    ("title", "regions"),
    [
        ("MRI neuraxis with contrast", (True, True)),
        ("MRI brain and whole spine with contrast", (True, True)),
        ("MRI brain with contrast", (True, False)),
        ("MRI thoracic spine with contrast", (False, True)),
        ("CT brain with contrast", (False, False)),
        ("MRI CSF flow study", (False, False)),
    ],
)
def test_the_region_that_a_title_names(title: str, regions: tuple[bool, bool]) -> None:
    study = {**mri("brain", LINEAR), "code": {"text": title}}
    assert (bool(brain(study)), bool(spine(study))) == regions


def test_a_coded_flow_study_is_no_mri_of_a_region_whatever_its_title() -> None:
    study = {**mri("brain", LINEAR), "code": coded(LOINC, "42386-3", "MRI brain with contrast")}
    assert brain(study) == ()


def test_of_several_studies_the_newest_comes_first() -> None:
    days = ("2026-10-01", "2026-11-12", "2026-09-01")
    found = brain(*(mri("brain", PLAIN, day) for day in days))
    assert [study.days for study in found] == [9, 51, 81]


@pytest.mark.parametrize("status", ["preliminary", "registered", "cancelled", "entered-in-error"])
def test_a_report_that_is_not_final_is_no_study(status: str) -> None:
    assert brain({**mri("brain", LINEAR), "status": status}) == ()


@pytest.mark.parametrize(
    ("titles", "contrast"),
    [
        (("MRI brain with contrast", "MRI brain without contrast"), True),
        (("MRI brain", "MRI brain without contrast"), False),
        (("MRI brain", "MRI brain"), None),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_contrast_of_any_report_of_a_day(
    titles: tuple[str, str], contrast: bool | None, turned: bool
) -> None:
    both = [
        {**mri("brain", PLAIN), "id": f"r{i}", "code": {"text": title}}
        for i, title in enumerate(titles)
    ]
    (study,) = brain(*(reversed(both) if turned else both))
    assert study.contrast is contrast


MASS = "Cerebellar metastasis with mass effect."


def test_masses_and_leukoencephalopathy_are_those_of_the_brain_alone() -> None:
    words = f"{MASS} Diffuse leukoencephalopathy. No shunt."
    (head,), (back,) = brain(mri("brain", words)), spine(mri("whole spine", words))
    assert (bool(head.masses), head.leukoencephalopathy, head.no_shunt) == (True, True, True)
    assert (bool(back.masses), back.leukoencephalopathy, back.no_shunt) == (False, False, False)


def parts(*days: str, contrast: str = "with contrast") -> list[Json]:
    names = ("cervical", "thoracic", "lumbar")
    return [
        {**mri(f"{name} spine", PLAIN, day), "code": {"text": f"MRI {name} spine {contrast}"}}
        for name, day in zip(names, days, strict=True)
    ]


@pytest.mark.parametrize(
    ("days", "whole"),
    [
        (("2026-11-12", "2026-11-12", "2026-11-12"), True),
        (("2026-11-10", "2026-11-12", "2026-11-12"), True),
        (("2026-11-09", "2026-11-12", "2026-11-12"), False),
        (("2026-11-12", "2026-11-10", "2026-11-11"), True),
    ],
)
def test_three_parts_within_two_days_are_a_whole_spine(
    days: tuple[str, str, str], whole: bool
) -> None:
    found = spine(*parts(*days))
    assert any(study.contrast and "whole" in study.extent for study in found) is whole


@pytest.mark.parametrize("contrast", ["without contrast", ""])
def test_three_parts_without_contrast_are_no_whole_spine_with_contrast(contrast: str) -> None:
    found = spine(*parts("2026-11-12", "2026-11-11", "2026-11-10", contrast=contrast))
    assert not any(study.contrast for study in found)
    assert not any("whole" in study.extent for study in found)


def test_the_parts_of_a_composed_spine_are_united() -> None:
    cervical, thoracic, lumbar = parts("2026-11-11", "2026-11-12", "2026-11-10")
    found = spine(cervical, thoracic, {**lumbar, "conclusion": NODULAR})
    newest = found[0]
    assert (newest.days, newest.pattern.value, newest.contrast) == (9, "nodular", True)
    assert newest.extent >= {"whole"}


def test_two_parts_are_no_whole_spine() -> None:
    found = spine(*parts("2026-11-12", "2026-11-12", "2026-11-12")[:2])
    assert [study.contrast for study in found] == [None]


def test_a_mass_on_or_after_the_newest_study_with_contrast_counts() -> None:
    def masses(*studies: tuple[str, str, str]) -> set[str]:
        told = (
            {**mri("brain", words, day), "code": {"text": title}} for title, words, day in studies
        )
        return {mass.value for mass in Chart(record(*told)).masses[0]}

    contrast, plain = "MRI brain with contrast", "MRI brain without contrast"
    shift = "Mass effect with midline shift."
    assert masses((contrast, shift, "2026-09-01"), (plain, PLAIN, "2026-11-12")) == {"mass effect"}
    assert masses((contrast, PLAIN, "2026-11-12"), (plain, shift, "2026-09-01")) == set()
    assert masses((contrast, PLAIN, "2026-09-01"), (plain, shift, "2026-11-12")) == {"mass effect"}
    assert masses((plain, PLAIN, "2026-11-12"), (plain, shift, "2026-09-01")) == set()
    assert masses() == set()


@pytest.mark.parametrize(
    ("shunt", "when", "none"),
    [
        ("VP shunt", "2026-11-11", True),
        ("VP shunt", "2026-11-12", False),
        ("VP shunt", "2026-11-13", False),
    ],
)
def test_a_take_down_ends_the_shunts_before_it(shunt: str, when: str, none: bool) -> None:
    removal = procedure("r", {"text": "Removal of VP shunt", "coding": REMOVAL["coding"]})
    found = Chart(record(removal, problem("s", {"text": shunt}, recordedDate=when))).shunt
    assert found is not None
    assert (found.status.value == "none") is none
    assert (found.sources[0].label == "CSF shunt removed") is none


REMOVAL = coded(SNOMED, "66399003")


def test_the_newest_take_down_counts() -> None:
    shunt = problem("s", {"text": "VP shunt"}, recordedDate="2026-10-01")
    downs = [
        procedure(own_id, REMOVAL, performedDateTime=day)
        for own_id, day in (("a", "2026-09-01"), ("b", "2026-11-01"), ("c", "2026-08-01"))
    ]
    found = Chart(record(shunt, *downs)).shunt
    assert found is not None
    assert [source.reference for source in found.sources] == ["Procedure/b"]


@pytest.mark.parametrize(
    ("older", "newer", "told"),
    [("No shunt.", "Normal.", False), ("Normal.", "No shunt.", True)],
)
def test_the_newest_mri_says_whether_there_is_no_shunt(older: str, newer: str, told: bool) -> None:
    found = Chart(record(mri("brain", older, "2026-10-01"), mri("brain", newer))).shunt
    assert (found is not None) is told


def device(**members: Any) -> Json:
    own = {"resourceType": "Device", "id": "d", "patient": {"reference": "Patient/p"}}
    return {**own, "type": {"text": "VP shunt"}, **members}


@pytest.mark.parametrize(
    ("entry", "counts"),
    [
        (device(), True),
        (device(status="active"), True),
        (device(status="inactive"), False),
        (device(status="entered-in-error"), False),
        (procedure("p", {"text": "Placement of VP shunt"}), True),
        (procedure("p", {"text": "Placement of VP shunt"}, status="preparation"), False),
        (observed("o", {"text": "VP shunt"}, valueString="on/off valve"), True),
        (observed("o", {"text": "VP shunt"}, valueBoolean=True, status="cancelled"), False),
        (problem("c", {"text": "VP shunt"}), True),
        (problem("c", {"text": "VP shunt"}, clinicalStatus=coded("x", "resolved")), False),
        (
            problem("c", {"text": "VP shunt"}, verificationStatus=coded("x", "entered-in-error")),
            False,
        ),
    ],
)
def test_what_shows_a_shunt(entry: Json, counts: bool) -> None:
    found = Chart(record(entry)).shunt
    assert (found is not None and found.status.value != "none") is counts


def flow(own_id: str, words: str, day: str) -> Json:
    return report(own_id, coded(LOINC, "42386-3"), words, effectiveDateTime=day)


BLOCK, OPEN, SILENT = "Block of CSF flow at T4.", "Normal CSF flow.", "See images."


@pytest.mark.parametrize(
    ("older", "newer", "status", "cited"),
    [
        (BLOCK, OPEN, "normal", "new"),
        (OPEN, BLOCK, "obstructed", "new"),
        (BLOCK, SILENT, "obstructed", "old"),
        (OPEN, SILENT, "inconclusive", "new"),
        (SILENT, OPEN, "normal", "new"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_the_flow_study_that_decides(
    older: str, newer: str, status: str, cited: str, turned: bool
) -> None:
    both = [flow("old", older, "2026-10-12"), flow("new", newer, "2026-11-12")]
    found = Chart(record(*(reversed(both) if turned else both))).flow
    assert found is not None
    assert (found.flow.value, found.source.reference) == (status, f"DiagnosticReport/{cited}")


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_flow_studies_of_a_day_the_worse_counts(turned: bool) -> None:
    texts = [BLOCK, SILENT, "CSF flow restored.", OPEN]
    for worse, better in pairwise(texts):
        both = [flow("worse", worse, "2026-11-12"), flow("better", better, "2026-11-12")]
        found = Chart(record(*(reversed(both) if turned else both))).flow
        assert found is not None
        assert found.source.reference == "DiagnosticReport/worse", (worse, better)


@pytest.mark.parametrize(
    ("change", "outdated"),
    [
        (procedure("x", {"text": "Whole brain radiotherapy"}), False),
        (
            procedure("x", {"text": "Whole brain radiotherapy"}, performedDateTime="2026-11-13"),
            True,
        ),
        (procedure("x", {"text": "Placement of VP shunt"}, performedDateTime="2026-11-13"), True),
        (procedure("x", {"text": "Placement of VP shunt"}, performedDateTime="2026-11-12"), False),
        (procedure("x", REMOVAL, performedDateTime="2026-11-13"), True),
        (procedure("x", REMOVAL, performedDateTime="2026-11-13", status="not-done"), False),
        (procedure("x", {"text": "Breast radiotherapy"}, performedDateTime="2026-11-13"), False),
        (
            about(
                "ServiceRequest",
                "x",
                status="active",
                intent="order",
                code={"text": "Whole brain radiotherapy"},
                authoredOn="2026-11-15",
            ),
            False,
        ),
    ],
)
def test_what_outdates_a_flow_study(change: Json, outdated: bool) -> None:
    found = Chart(record(flow("f", OPEN, "2026-11-12"), change)).flow
    assert found is not None
    assert found.outdated is outdated
    blocked = Chart(record(flow("f", BLOCK, "2026-11-12"), change)).flow
    assert blocked is not None
    assert not blocked.outdated


@pytest.mark.parametrize(
    ("code", "region", "contrast", "extent"),
    [
        ("24587-8", "brain", True, set()),
        ("24590-2", "brain", None, set()),
        ("30657-1", "brain", False, set()),
        ("30855-1", "spine", True, {"whole"}),
        ("30854-4", "spine", False, {"whole"}),
        ("24937-5", "spine", None, {"cervical"}),
        ("43456-3", "spine", None, {"cervical", "thoracic"}),
        ("24967-2", "spine", None, {"lumbar"}),
        ("36067-7", "spine", None, set()),
    ],
)
def test_region_contrast_and_extent_of_a_coded_study(
    code: str, region: str, contrast: bool | None, extent: set[str]
) -> None:
    study = {**mri("x", PLAIN), "code": coded(LOINC, code)}
    found = {"brain": brain(study), "spine": spine(study)}
    (only,) = found[region]
    assert (only.contrast, only.extent) == (contrast, extent)
    assert sum(map(len, found.values())) == 1


def test_coded_parts_with_contrast_are_a_whole_spine() -> None:
    coded_parts = [
        {**mri("x", PLAIN), "id": code, "code": coded(LOINC, code)}
        for code in ("43456-3", "24967-2")
    ]
    found = spine(*coded_parts)
    assert any(study.contrast and "whole" in study.extent for study in found)


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_reports_of_a_day_one_that_cannot_be_read_leaves_the_study_open(first: int) -> None:
    unread = mri("brain", "\n".join("line" for _ in range(4000)))
    normal = {**mri("brain", "No leptomeningeal enhancement."), "id": "other"}
    (study,) = Chart(record(*(unread, normal)[:: 1 if first else -1])).brain
    assert study.unread


def test_a_shunt_after_the_one_that_was_taken_out_is_there() -> None:
    removal = procedure("r", {"text": "Removal of VP shunt", "coding": REMOVAL["coding"]})
    old = problem("old", {"text": "VP shunt"}, recordedDate="2020-01-01")
    new = problem("new", {"text": "VP shunt"}, recordedDate="2026-11-20")
    found = Chart(record(removal, old, new)).shunt
    assert found is not None
    assert [source.reference for source in found.sources] == ["Condition/old", "Condition/new"]


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ((), "Platelets or INR are missing or more than 7 d old"),
        ((Failure("Observation", "timeout"),), "Platelets and INR could not be read completely"),
    ],
)
def test_laboratory_results_that_could_not_be_read_are_not_told_as_missing(
    failures: tuple[Failure, ...], told: str
) -> None:
    symptom = problem("s", coded(ICD, "H53.2"), recordedDate="2026-11-15")
    found = record(BREAST, symptom, cytology("c", NEGATIVE), failures=failures)
    cards = SERVICES["lm-patient-view"].cards(found)
    (repeat,) = [c for c in cards if "repeat-lp" in [item.recommendation for item in c.items]]
    assert told in repeat.body["detail"]
