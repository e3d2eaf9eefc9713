"""Numbers as cards print them."""

from __future__ import annotations

import pytest

from hooks.readings.numbers import shown


@pytest.mark.parametrize(
    ("number", "text"),
    [(12, "12"), (12.0, "12"), (12.5, "12.5"), (0.125, "0.125"), (1.41, "1.41"), (150, "150")],
)
def test_a_number_is_printed_without_needless_digits(number: float, text: str) -> None:
    assert shown(number) == text


def test_a_number_is_rounded_to_three_digits_behind_the_point() -> None:
    assert shown(1.23456) == "1.235"
