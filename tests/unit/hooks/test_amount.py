"""What is too much to read is set aside and named; everything else stays as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st

from cds_service.draft_orders import MOST_ORDERS
from hooks.fhir import Attachment, DiagnosticReport, Medication, Resource, read_resource
from hooks.readings import amount, markers
from hooks.readings.reports import MOST_LINES, read_report
from hooks.record import DraftOrder, Failure, PatientRecord
from hooks.values.lexicon import term
from tests.contract.calls import ORDER, call, unknowns
from tests.unit.hooks.records import NOW


def report(number: int, **members: Any) -> Resource:
    found = read_resource({"resourceType": "DiagnosticReport", "id": str(number), **members})
    assert found is not None
    return found


def record(*reports: Resource, **others: Any) -> PatientRecord:
    return PatientRecord("p", NOW, resources={"DiagnosticReport": reports}, **others)


def long(number: int, size: int = 45_000) -> Resource:
    return report(number, conclusion="x" * size)


def test_an_ordinary_record_stays_the_same_object() -> None:
    one = record(*(report(i, conclusion="x" * 200) for i in range(2000)))
    assert amount.within_reach(one).resources == one.resources
    assert amount.within_reach(one).failures == ()


def test_what_is_beyond_the_allowance_is_named() -> None:
    read = amount.within_reach(record(*(long(i) for i in range(30))))
    kept = read.resources["DiagnosticReport"]
    assert [each.id for each in kept] == [str(i) for i in range(len(kept))]
    assert sum(amount.size(each) - amount.SHORT for each in kept) <= amount.MOST
    assert sum(amount.size(each) - amount.SHORT for each in (*kept, long(99))) > amount.MOST
    assert read.failures == (Failure("DiagnosticReport", "too-large"),)


def test_short_ones_cost_nothing_and_attachments_that_nobody_reads_neither() -> None:
    nothing_left = amount._Allowance(0)
    assert nothing_left.takes(report(1, conclusion="x"))
    assert nothing_left.left == 0
    assert not nothing_left.takes(long(2))
    just_enough = amount._Allowance(amount.size(long(2)) - amount.SHORT)
    assert not just_enough.takes(long(3, 45_001))
    assert just_enough.takes(long(2))
    assert just_enough.left == 0
    scan = [{"contentType": "application/pdf", "data": "QUJD" * 9}] * 7
    assert amount.size(report(1, presentedForm=scan)) == amount.size(report(1))


def test_an_empty_element_weighs_more_than_its_bytes() -> None:
    one, two = (report(1, conclusionCode=[{}] * count) for count in (1, 2))
    assert amount.size(two) - amount.size(one) == len(",{}") + amount._ELEMENT


def test_very_many_empty_elements_are_too_much() -> None:
    empty = {"resourceType": "Observation", "id": "o", "interpretation": [{}] * 20_000}
    found = read_resource(empty)
    assert found is not None
    read = amount.within_reach(PatientRecord("p", NOW, resources={"Observation": (found,)}))
    assert read.resources == {"Observation": ()}
    assert read.failures == (Failure("Observation", "too-large"),)


def test_what_just_fits_is_not_sorted_out(monkeypatch: pytest.MonkeyPatch) -> None:
    one = record(long(1), long(2))
    monkeypatch.setattr(amount, "MOST", 2 * (amount.size(long(1)) - amount.SHORT))
    assert amount.within_reach(one) is one


def test_only_types_that_lost_something_are_named() -> None:
    reports = tuple(long(i) for i in range(30))
    patient = read_resource({"resourceType": "Patient", "id": "p"})
    assert patient is not None
    both = {"Patient": (patient,), "DiagnosticReport": reports}
    read = amount.within_reach(PatientRecord("p", NOW, resources=both))
    assert read.failures == (Failure("DiagnosticReport", "too-large"),)


def noted(kind: str, text: str, empty: int) -> Resource:
    """A resource with a text and so many empty elements."""
    member = {"DiagnosticReport": "conclusion", "Observation": "valueString"}[kind]
    of = {"DiagnosticReport": "conclusionCode", "Observation": "interpretation"}[kind]
    found = read_resource({"resourceType": kind, member: text, of: [{}] * empty})
    assert found is not None
    return found


RESOURCES = st.builds(
    noted,
    st.sampled_from(["DiagnosticReport", "Observation"]),
    st.sampled_from(["x", "a\n", '"', "ä"]).flatmap(
        lambda piece: st.integers(0, 1200).map(lambda times: piece * times)
    ),
    st.integers(0, 40),
)


BARELY_LONG = 1 + amount.SHORT - amount.size(noted("DiagnosticReport", "", 0))


@given(st.lists(RESOURCES, max_size=5), st.integers(0, 4_000))
@example([noted("Observation", '"' * 100, 0)], 0)
@example([noted("DiagnosticReport", "x" * length, 0) for length in (1, BARELY_LONG)], 0)
def test_a_record_is_kept_as_it_is_if_what_each_weighs_fits(
    found: list[Resource], most: int
) -> None:
    kinds = {each.resource_type for each in found}
    resources = {kind: tuple(r for r in found if r.resource_type == kind) for kind in kinds}
    one = PatientRecord("p", NOW, resources=resources)
    fits = sum(max(0, amount.size(each) - amount.SHORT) for each in found) <= most
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(amount, "MOST", most)
        assert (amount.within_reach(one) is one) is fits


def test_a_later_short_one_is_still_read() -> None:
    read = amount.within_reach(record(*(long(i) for i in range(30)), report(30, conclusion="x")))
    assert read.resources["DiagnosticReport"][-1].id == "30"


def test_what_references_lead_to_is_cut_too() -> None:
    coded = [{"code": "c" * 500}] * 2000
    huge = read_resource({"resourceType": "Medication", "id": "m", "code": {"coding": coded}})
    assert isinstance(huge, Medication)
    one = PatientRecord(
        "p", NOW, resources={"Medication": (huge,)}, medications={"Medication/m": huge}
    )
    assert amount.within_reach(one).medications == {}


def test_orders_have_an_allowance_of_their_own() -> None:
    order = read_resource(
        {"resourceType": "MedicationRequest", "id": "o", "note": [{"text": "x" * 45_000}]}
    )
    drafts = tuple(DraftOrder(f"o{i}", {"id": f"o{i}"}, order) for i in range(7))
    read = amount.within_reach(record(drafts=drafts)).drafts
    assert [draft.resource is None for draft in read] == [False] * 5 + [True] * 2
    assert [draft.raw for draft in read][5:] == [{}, {}]
    assert [draft.label for draft in read] == [draft.label for draft in drafts]


@pytest.mark.parametrize(("kind", "counts"), [("text/html", True), ("application/pdf", False)])
def test_attachments_that_nobody_reads_do_not_count(kind: str, counts: bool) -> None:
    data = {"contentType": kind, "data": "eHh4" * 10_000}
    one = report(1, presentedForm=[data])
    assert isinstance(one, DiagnosticReport)
    assert (amount.size(one) > 40_000) is counts


def test_a_line_weighs_as_much_as_words() -> None:
    lines, words = (amount.size(report(1, conclusion=t * 500)) for t in ("a\n", "a "))
    assert lines > words + 4_000


def test_a_report_of_too_many_lines_is_unread() -> None:
    few, many = ("no\n" * n + "x" for n in (MOST_LINES, MOST_LINES + 1))
    read = [read_report(DiagnosticReport("DiagnosticReport", conclusion=t)) for t in (few, many)]
    assert [each.unreadable for each in read] == [False, True]
    assert read[1].text == ""
    page = Attachment("text/plain", "eA==")
    both = DiagnosticReport("DiagnosticReport", conclusion=many, presented_form=(page,))
    assert read_report(both).text == ""


def one_by_one(clause: str) -> list[str]:
    """The parts of a clause of markers, joined one after the other until there is a verdict."""
    found, waiting = [], ""
    for part in markers._split(clause):
        waiting = f"{waiting}, {part}" if waiting else part
        bare = term("marker-bare-noun").sub(" ", waiting)
        if markers._verdict(bare) or len(waiting) > markers._LONGEST_LIST:
            found.append(waiting)
            waiting = ""
    return [*found, waiting] if waiting else found


SPOKEN = """EGFR ALK HER2 BRAF KRAS MET NGS negative positive mutation fusion : not no 0 .5 IHC and
expression V600E detected for without family 2+ equivocal pending ?"""
WORDS = st.sampled_from([*SPOKEN.split(), ", ", "/", "x" * 300])


@given(st.lists(WORDS, max_size=60).map(" ".join) | st.lists(WORDS, max_size=60).map(", ".join))
@example(", MET negative")
@example(", ".join(["EGFR"] * 200) + " negative")
def test_long_lists_of_markers_are_parted_as_if_read_one_by_one(clause: str) -> None:
    assert list(markers._parts(clause)) == one_by_one(clause)


def signed(client: FlaskClient, body: dict[str, Any]) -> Any:
    answer = client.post(f"/cds-services/{ORDER}", json=body)
    assert answer.status_code == 200
    return answer


def test_orders_beyond_the_limit_are_one_order_that_could_not_be_read(
    client: FlaskClient, tmp_path: Path
) -> None:
    body = call(ORDER)
    entry = body["context"]["draftOrders"]["entry"][0]
    plain = json.loads(json.dumps(entry))
    plain["resource"]["medicationCodeableConcept"] = {"text": "ondansetron"}
    plain["resource"]["dosageInstruction"] = [{"text": "8 mg by mouth"}]
    for count, cards in ((MOST_ORDERS, 0), (MOST_ORDERS + 5, 1)):
        drafts = [replace_id(plain, f"d{i}") for i in range(count)]
        body["context"]["draftOrders"]["entry"] = drafts
        answer = signed(client, body)
        assert len(answer.json["cards"]) == cards
    assert "could not be read" in answer.json["cards"][0]["summary"]


def replace_id(entry: dict[str, Any], own_id: str) -> dict[str, Any]:
    return {**entry, "resource": {**entry["resource"], "id": own_id}}


def test_what_a_call_holds_too_much_of_is_on_the_card(client: FlaskClient) -> None:
    body = call(ORDER)
    about = {"reference": f"Patient/{body['context']['patientId']}"}
    found = [
        {"resourceType": "DiagnosticReport", "id": f"r{i}", "subject": about, "status": "final"}
        | {"code": {"text": "MRI brain"}, "conclusion": "no " * 15_000}
        for i in range(30)
    ]
    entries = [{"resource": each} for each in found]
    body["prefetch"]["more"] = {"resourceType": "Bundle", "type": "searchset", "entry": entries}
    assert ("DiagnosticReport", "too-large") in unknowns(signed(client, body))


def test_drafts_keep_their_form_where_they_fit() -> None:
    draft = DraftOrder("o", {"id": "o"}, report(1))
    one = replace(record(), drafts=(draft,))
    assert amount.within_reach(one).drafts == (draft,)
