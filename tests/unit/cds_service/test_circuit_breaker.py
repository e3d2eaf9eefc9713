"""circuit_breaker: when a FHIR server is not asked (trust, 2.2). The clock is moved by hand."""

from __future__ import annotations

import pytest

from cds_service.circuit_breaker import OPEN_SECONDS, Attempt, CircuitBreaker

NONE = frozenset[str]()
TWO = frozenset({"Condition", "Device"})
FAILED = {"ok": NONE, "part": frozenset({"Device"}), "device": frozenset({"Device"})}
"""What a call lacks in the end; of all other outcomes two types."""


class Circuit:
    """A breaker, its clock, and calls that take 0.4 s each."""

    def __init__(self) -> None:
        self.now = 100.0
        self.breaker = CircuitBreaker(lambda: self.now)

    def begin(self) -> Attempt:
        attempt = self.breaker.begin()
        assert attempt is not None
        return attempt

    def call(self, outcome: str) -> None:
        """One call: 'no' and 'device' get no answer at all, 'part' all but one."""
        attempt = self.begin()
        self.now += 0.2
        if outcome in ("ok", "part"):
            self.breaker.answered()
        self.now += 0.2
        self.breaker.ended(attempt, FAILED.get(outcome, TWO))

    def calls(self, *outcomes: str) -> None:
        for outcome in outcomes:
            self.call(outcome)

    @property
    def open(self) -> bool:
        attempt = self.breaker.begin()
        if attempt is not None:
            self.breaker.ended(attempt, NONE)
        return attempt is None


@pytest.fixture
def circuit() -> Circuit:
    return Circuit()


def test_five_in_a_row_open(circuit: Circuit) -> None:
    circuit.calls(*["no"] * 4)
    assert not circuit.open
    circuit.call("no")
    assert circuit.open


def test_an_answer_begins_the_row_anew(circuit: Circuit) -> None:
    circuit.calls(*["no"] * 4, "ok", *["no"] * 4)
    assert not circuit.open


def test_one_query_that_always_fails_never_opens(circuit: Circuit) -> None:
    circuit.calls(*["part"] * 100)
    assert not circuit.open


def test_one_type_alone_never_opens(circuit: Circuit) -> None:
    circuit.calls(*["device"] * 30)
    assert not circuit.open
    circuit.call("no")
    assert circuit.open


def test_one_hanging_query_in_many_calls_at_once_never_opens(circuit: Circuit) -> None:
    """Their answers come first, then all of their timeouts in a row."""
    attempts = [circuit.begin() for _ in range(30)]
    circuit.now += 0.1
    for _ in range(30 * 12):
        circuit.breaker.answered()
    circuit.now += 1.4
    for attempt in attempts:
        circuit.breaker.ended(attempt, TWO)
    assert not circuit.open


def test_calls_that_ask_only_what_hangs_do_not_count_while_others_are_answered(
    circuit: Circuit,
) -> None:
    for _ in range(30):
        asks_what_hangs, asks_the_rest = circuit.begin(), circuit.begin()
        circuit.now += 0.1
        circuit.breaker.answered()
        circuit.breaker.ended(asks_the_rest, NONE)
        circuit.now += 0.2
        circuit.breaker.ended(asks_what_hangs, TWO)
    assert not circuit.open


@pytest.mark.parametrize(("calls", "opens"), [(19, False), (20, True)])
def test_half_of_twenty_open(circuit: Circuit, calls: int, opens: bool) -> None:
    circuit.calls(*(["ok", "no"] * 10)[20 - calls :])
    assert circuit.open is opens


def test_less_than_half_do_not_open(circuit: Circuit) -> None:
    circuit.calls(*["ok", "no", "ok"] * 7)
    assert not circuit.open


def test_what_is_older_than_ten_seconds_is_forgotten(circuit: Circuit) -> None:
    circuit.calls(*["ok", "no"] * 9)
    circuit.now += 10
    circuit.calls(*["ok", "no"] * 9)
    assert not circuit.open


@pytest.fixture
def opened(circuit: Circuit) -> Circuit:
    circuit.calls(*["no"] * 5)
    return circuit


def test_open_for_five_seconds_then_one_may_try(opened: Circuit) -> None:
    opened.now += OPEN_SECONDS - 0.001
    assert opened.breaker.begin() is None
    opened.now += 0.001
    assert opened.breaker.begin() is not None
    assert opened.breaker.begin() is None


def test_the_first_answer_to_the_trial_closes_at_once(opened: Circuit) -> None:
    opened.now += OPEN_SECONDS
    trial = opened.begin()
    opened.breaker.answered()
    assert not opened.open
    opened.breaker.ended(trial, TWO)
    assert not opened.open


def test_a_trial_without_answer_opens_for_five_more_seconds(opened: Circuit) -> None:
    opened.now += OPEN_SECONDS
    trial = opened.begin()
    opened.now += 1
    opened.breaker.ended(trial, TWO)
    opened.now += OPEN_SECONDS - 0.001
    assert opened.breaker.begin() is None
    opened.now += 0.001
    assert opened.breaker.begin() is not None


def test_a_trial_that_says_nothing_leaves_the_trial_to_the_next(opened: Circuit) -> None:
    opened.now += OPEN_SECONDS
    opened.breaker.ended(opened.begin(), NONE)
    assert opened.breaker.begin() is not None


def test_calls_from_before_are_no_trial(circuit: Circuit) -> None:
    late = circuit.begin()
    circuit.calls(*["no"] * 5)
    circuit.now += OPEN_SECONDS
    circuit.begin()
    circuit.breaker.ended(late, TWO)
    assert circuit.breaker.begin() is None


def test_an_answer_to_a_call_from_before_closes(opened: Circuit) -> None:
    opened.breaker.answered()
    assert not opened.open


def test_after_closing_the_count_begins_anew(opened: Circuit) -> None:
    opened.breaker.answered()
    opened.calls(*["no"] * 4)
    assert not opened.open
