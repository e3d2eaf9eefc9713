"""Strict JSON against a slow reader that decides each rule on its own."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cds_service import strict_json
from cds_service.errors import BodyUnreadable


def slow(text: bytes) -> Any:
    """The same rules, one after the other, with the standard library."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError
        return dict(pairs)

    def refuse(_: str) -> Any:
        raise ValueError

    value = json.loads(
        text.decode("utf-8").removeprefix("\ufeff"), object_pairs_hook=unique, parse_constant=refuse
    )
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    if levels(value) > 64:
        raise ValueError
    return value


def levels(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(levels, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(levels, value), default=0)
    return 0


def verdict(read: Any, text: bytes) -> Any:
    try:
        return "accepted", read(text)
    except (BodyUnreadable, ValueError):
        return "refused", None


NAMES = st.sampled_from(["a", "b", ":", "\\u003a", "\\u003A", "\\u0061", "a:b", '\\"', "é"])
SCALARS = st.sampled_from(["1", "-0", "1.5e3", "true", "null", '""', '":"', '"\\u003a"', '"x:y"'])


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(NAMES, values).map(lambda pair: f'"{pair[0]}": {pair[1]}')
    return st.lists(member, max_size=4).map(lambda members: "{" + ", ".join(members) + "}")


def arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=4).map(lambda items: "[" + " ,".join(items) + "]")


TEXTS = st.recursive(SCALARS, lambda inner: objects(inner) | arrays(inner), max_leaves=12)


@given(TEXTS)
@example('{"a": 1, "a": 1}')
@example('{"a": {"b": 1}, "a": ":"}')
@example('{"\\u0061": 1, "a": 2}')
@example('{"x": "\\u003a", "a": 1, "a": 1}')
@example('{"\\u003a": 1, ":": 1}')
def test_agrees_with_the_slow_reader(text: str) -> None:
    assert verdict(strict_json.loads, text.encode()) == verdict(slow, text.encode())


@given(st.binary(max_size=40) | st.text(max_size=20).map(lambda t: json.dumps([t]).encode()))
def test_never_fails_in_another_way(body: bytes) -> None:
    outcome, value = verdict(strict_json.loads, body)
    assert outcome == "refused" or value == slow(body)


@given(
    st.integers(60, 68),
    st.lists(st.booleans(), min_size=70, max_size=70),
    st.sampled_from(["1", "[]", "{}", '"["', '"]}"']),
)
def test_depth_is_counted_exactly(depth: int, kinds: list[bool], core: str) -> None:
    text = core
    for is_object in kinds[:depth]:
        text = f'{{"a":{text}}}' if is_object else f"[{text}]"
    assert verdict(strict_json.loads, text.encode()) == verdict(slow, text.encode())


@pytest.mark.parametrize("levels_of_lists", [1000, 1024, 100_000])
def test_very_deep_nesting_is_refused_quickly(levels_of_lists: int) -> None:
    with pytest.raises(BodyUnreadable):
        strict_json.loads(b"[" * levels_of_lists + b"]" * levels_of_lists)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1,}',
        b'{"a": 1} {"a": 1}',
        b"// comment\n{}",
        b"NaN",
        b'{"a": Infinity}',
        b'{"a": 1e400}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        '{"a": "é"}'.encode("latin-1"),
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-32-le"),
        b'{"patientId": "A", "patientId": "B"}',
        b'{"a": [{"b": {"c": 1, "c": 1}}]}',
        b'{"a\\u003a": 1, "x": 2, "x": 3}',
    ],
)
def test_is_no_json(body: bytes) -> None:
    with pytest.raises(BodyUnreadable):
        strict_json.loads(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"\xef\xbb\xbf{}", {}),
        (b' \n\t[1, "a:b"] ', [1, "a:b"]),
        (b'{"a": {"x": 1}, "b": {"x": 1}}', {"a": {"x": 1}, "b": {"x": 1}}),
        (b'{"a\\u003a": ":"}', {"a:": ":"}),
        ('{"é": "\U0001f600"}'.encode(), {"é": "\U0001f600"}),
    ],
)
def test_is_json(body: bytes, value: Any) -> None:
    assert strict_json.loads(body) == value


def test_the_error_holds_nothing_of_the_body() -> None:
    with pytest.raises(BodyUnreadable) as caught:
        strict_json.loads(b'{"name": "Jane Q Roe')
    assert "Jane" not in f"{caught.value!r} {caught.value.issues()}"
    assert caught.value.__cause__ is None


def test_without_a_known_dump_limit_the_depth_is_walked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_json, "_DUMP_LEVELS", 1023)
    assert strict_json.loads(b"[" * 64 + b"]" * 64)
    with pytest.raises(BodyUnreadable):
        strict_json.loads(b"[" * 65 + b"]" * 65)


def test_depth_walk_agrees_with_recursion() -> None:
    value = orjson.loads(b'[[],{"a":[1,{"b":[]}]}]')
    assert levels(value) == 5
    assert [strict_json.depth_exceeds(value, limit) for limit in (3, 4, 5, 6)] == [
        True,
        True,
        False,
        False,
    ]
    assert not strict_json.depth_exceeds("x", 0)
