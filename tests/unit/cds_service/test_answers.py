"""Cards -> answer: uuids, no empties, sound suggestions only."""

from __future__ import annotations

import copy
import uuid
from dataclasses import dataclass
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service import answers, fhir_r4b
from hooks import Card

REQUEST = {
    "resourceType": "ServiceRequest",
    "status": "draft",
    "intent": "proposal",
    "subject": {"reference": "Patient/lm-1"},
    "code": {"text": "MRI"},
}


@dataclass(frozen=True)
class Made:
    """Stands for a card of the guideline logic; only its body matters here."""

    body: dict[str, Any]
    items: tuple[Any, ...] = ()


def suggestion(*resources: Any) -> dict[str, Any]:
    actions = [{"type": "create", "description": "d", "resource": r} for r in resources]
    return {"label": "Order MRI", "actions": actions}


def build(*bodies: dict[str, Any]) -> answers.HookAnswer:
    return answers.build([cast(Card, Made(body)) for body in bodies])


def test_nothing_to_say() -> None:
    answer = build()
    assert (answer.body, answer.issued, answer.dropped_suggestions) == ({"cards": []}, (), 0)


def test_each_card_and_suggestion_gets_a_uuid_of_its_own() -> None:
    body = {"summary": "s", "suggestions": [suggestion(REQUEST), suggestion(REQUEST)]}
    cards = build(body, body).body["cards"]
    ids = [card["uuid"] for card in cards] + [s["uuid"] for c in cards for s in c["suggestions"]]
    assert len(set(ids)) == 6
    assert all(uuid.UUID(each).version == 4 for each in ids)


def test_issued_pairs_uuids_with_cards_in_order() -> None:
    answer = build({"summary": "a"}, {"summary": "b"})
    assert [card.body["summary"] for _, card in answer.issued] == ["a", "b"]
    assert [card_uuid for card_uuid, _ in answer.issued] == [
        c["uuid"] for c in answer.body["cards"]
    ]


def test_the_card_itself_is_left_as_it_is() -> None:
    body = {"summary": "s", "links": [], "suggestions": [suggestion(REQUEST)]}
    before = copy.deepcopy(body)
    build(body)
    assert body == before


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "ServiceRequest"},
        REQUEST | {"subject": "Patient/lm-1"},
        REQUEST | {"unknown": 1},
        {"resourceType": "Nonsense"},
        {},
        "Patient/lm-1",
    ],
    ids=str,
)
def test_a_suggestion_that_is_not_valid_r4b_is_dropped_and_the_card_stays(resource: Any) -> None:
    unsound = {
        "label": "x",
        "actions": [{"type": "create", "description": "d", "resource": resource}],
    }
    if resource == {}:
        unsound["actions"][0]["resource"] = {"resourceType": None, "id": "x"}  # type: ignore[index]
    answer = build({"summary": "s", "suggestions": [unsound], "selectionBehavior": "any"})
    (card,) = answer.body["cards"]
    assert answer.dropped_suggestions == 1
    assert card["summary"] == "s"
    assert not {"suggestions", "selectionBehavior"} & set(card)


def test_one_bad_action_drops_its_suggestion_only() -> None:
    bad = suggestion(REQUEST, {"resourceType": "ServiceRequest"})
    answer = build({"suggestions": [bad, suggestion(REQUEST)]})
    assert len(answer.body["cards"][0]["suggestions"]) == 1
    assert answer.dropped_suggestions == 1


def test_a_delete_has_no_resource_to_check() -> None:
    delete = {"type": "delete", "description": "d", "resourceId": "MedicationRequest/draft-1"}
    answer = build({"suggestions": [{"label": "Remove", "actions": [delete]}]})
    assert answer.body["cards"][0]["suggestions"][0]["actions"] == [delete]


def test_selection_behaviour_comes_with_suggestions() -> None:
    with_some = build({"suggestions": [suggestion(REQUEST)]}).body["cards"][0]
    kept = build({"suggestions": [suggestion(REQUEST)], "selectionBehavior": "at-most-one"})
    without = build({"summary": "s", "suggestions": [], "selectionBehavior": "any"}).body["cards"][
        0
    ]
    assert with_some["selectionBehavior"] == "any"
    assert kept.body["cards"][0]["selectionBehavior"] == "at-most-one"
    assert "selectionBehavior" not in without


def empties(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    own = [value] if value in (None, "", [], {}) else []
    return own + [found for each in inner for found in empties(each)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=5))
def test_no_null_and_no_empty_is_left(value: dict[str, Any]) -> None:
    left = answers.without_empties(value)
    assert [found for each in left.values() for found in empties(each)] == []
    assert answers.without_empties(left) == left


def test_false_and_zero_are_values() -> None:
    assert answers.without_empties({"a": False, "b": 0, "c": ("x", "")}) == {
        "a": False,
        "b": 0,
        "c": ["x"],
    }


def test_models_load_without_the_others() -> None:
    fhir_r4b.warm_up([REQUEST])
    assert fhir_r4b.is_valid(REQUEST)
    assert not fhir_r4b.is_valid(None)
