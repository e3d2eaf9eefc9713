"""Reading feedback: leniently where clients differ, refused as a whole where it is malformed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from cds_service import feedback
from cds_service.errors import BodyUnreadable, FeedbackMalformed

TIME = "2026-11-20T10:00:00Z"
OVERRIDDEN = {"card": "c1", "outcome": "overridden", "outcomeTimestamp": TIME}
ACCEPTED = {
    "card": "c1",
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": "s1"}, {"id": "s2"}],
    "outcomeTimestamp": TIME,
}


def read(*items: Any, **others: Any) -> tuple[feedback.Feedback, ...]:
    return feedback.parse(orjson.dumps({"feedback": list(items), **others}))


def test_accepted() -> None:
    (item,) = read(ACCEPTED)
    assert (item.card, item.outcome, item.suggestions) == ("c1", "accepted", ("s1", "s2"))
    assert item.at == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_overridden_with_nothing_else() -> None:
    (item,) = read(OVERRIDDEN)
    assert (item.outcome, item.reasons, item.comment) == ("overridden", (), None)


@pytest.mark.parametrize(
    ("given", "reasons"),
    [
        (
            {"overrideReason": {"reason": {"code": "a", "system": "s", "display": "d"}}},
            [("s", "a")],
        ),
        ({"overrideReason": {"reason": {"code": "a"}}}, [(None, "a")]),
        ({"overrideReason": {"reason": {"code": "a", "system": ""}}}, [(None, "a")]),
        ({"overrideReasons": {"reason": {"code": "a", "system": "s"}}}, [("s", "a")]),
        (
            {"overrideReasons": [{"reason": {"code": "a"}}, {"reason": {"code": "b"}}]},
            [(None, "a"), (None, "b")],
        ),
        ({"overrideReasons": [{"code": "a", "system": "s"}]}, [("s", "a")]),
        ({"overrideReason": {"reason": "a"}}, [(None, "a")]),
        ({"overrideReasons": {"extension": {"com.example": 1}}}, []),
        ({"overrideReason": {"reason": {"system": "s"}}}, []),
        ({"overrideReason": {"reason": None}}, []),
        ({"overrideReason": None, "overrideReasons": "x"}, []),
        ({"overrideReason": {"reason": {"code": "x" * 500}}}, [(None, "x" * 200)]),
    ],
    ids=str,
)
def test_override_reasons(given: dict[str, Any], reasons: list[Any]) -> None:
    (item,) = read(OVERRIDDEN | given)
    assert list(item.reasons) == reasons


def test_comments_are_cut_and_free_of_nul() -> None:
    (item,) = read(OVERRIDDEN | {"overrideReason": {"userComment": "a\x00b" + "c" * 2000}})
    assert item.comment == "ab" + "c" * 998


def test_reasons_of_accepted_cards_are_not_read() -> None:
    (item,) = read(ACCEPTED | {"overrideReason": {"reason": {"code": "a"}, "userComment": "x"}})
    assert (item.reasons, item.comment) == ((), None)


def test_several_items_and_unknown_members() -> None:
    items = read(OVERRIDDEN, ACCEPTED | {"card": "c2", "extension": {"x": 1}}, extension={"y": 2})
    assert [item.card for item in items] == ["c1", "c2"]


def test_equal_items_have_equal_digests_whatever_the_order_of_members() -> None:
    (one,) = read(OVERRIDDEN)
    (same,) = read(dict(reversed(OVERRIDDEN.items())))
    (other,) = read(OVERRIDDEN | {"overrideReason": {"reason": {"code": "a"}}})
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"feedback": None},
        {"feedback": {}},
        {"feedback": ["x"]},
        {"feedback": [{}]},
        {"feedback": [ACCEPTED] * 101},
        *(
            {"feedback": [OVERRIDDEN, item]}
            for item in (
                {k: v for k, v in OVERRIDDEN.items() if k != "card"},
                {k: v for k, v in OVERRIDDEN.items() if k != "outcome"},
                {k: v for k, v in OVERRIDDEN.items() if k != "outcomeTimestamp"},
                OVERRIDDEN | {"card": ""},
                OVERRIDDEN | {"card": 5},
                OVERRIDDEN | {"outcome": "ignored"},
                OVERRIDDEN | {"outcome": ["overridden"]},
                OVERRIDDEN | {"outcomeTimestamp": "yesterday"},
                OVERRIDDEN | {"outcomeTimestamp": "2026-11-20"},
                OVERRIDDEN | {"outcomeTimestamp": "2026-11-20T10:00:00"},
                OVERRIDDEN | {"outcomeTimestamp": "2026-11-31T10:00:00Z"},
                OVERRIDDEN | {"outcomeTimestamp": 1763632800},
                ACCEPTED | {"acceptedSuggestions": []},
                ACCEPTED | {"acceptedSuggestions": ["s1"]},
                ACCEPTED | {"acceptedSuggestions": [{"id": ""}]},
                {k: v for k, v in ACCEPTED.items() if k != "acceptedSuggestions"},
            )
        ),
    ],
    ids=str,
)
def test_malformed_feedback_is_refused_as_a_whole(body: Any) -> None:
    with pytest.raises(FeedbackMalformed):
        feedback.parse(orjson.dumps(body))


def test_no_json_is_refused() -> None:
    with pytest.raises(BodyUnreadable):
        feedback.parse(b'{"feedback": [], "feedback": []}')


def test_an_empty_list_is_nothing_to_store() -> None:
    assert read() == ()


def test_a_hundred_items_are_read() -> None:
    assert len(read(*[OVERRIDDEN] * 100)) == 100
