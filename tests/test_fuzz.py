"""The target of the fuzzer in this process: sound requests pass, and what is wrong is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import deck
from tests.fuzz.target import Target


@pytest.fixture
def target(tmp_path: Path) -> Target:
    made = Target()
    made.__dict__["client"] = deck.flask_client(tmp_path)
    return made


def data(number: int) -> bytes:
    return bytes([(number * 7) % 256, (number * 13) % 256]) + number.to_bytes(7, "big")


def test_mutated_requests_keep_the_rules(target: Target) -> None:
    statuses = {target.check(data(number)) for number in range(150)}
    assert statuses >= {200, 400}


def test_the_same_bytes_make_the_same_request(target: Target) -> None:
    assert target.request(data(3)) == Target().request(data(3))
    assert target.request(data(3)) != target.request(data(4))


def watched(target: Target) -> bytes:
    return next(d for d in map(data, range(200)) if target.request(d).watched)


def test_silence_about_an_order_is_a_failure(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = watched(target)
    assert target.check(given) == 200
    monkeypatch.setattr("hooks.engine.service.Service.cards", lambda *_: ())
    with pytest.raises(AssertionError, match="silence"):
        target.check(given)


def test_a_fault_is_a_failure(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("hooks.engine.service.Service.cards", broken)
    with pytest.raises(AssertionError, match="a fault of the service"):
        target.check(watched(target))
