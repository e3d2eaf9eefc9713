"""What a code means is remembered, unless it is too long to be only a code."""

from __future__ import annotations

import pytest

from hooks.fhir import CodeableConcept, Coding
from hooks.values import codes
from hooks.values.codes import remembering_codes

CODING = Coding("http://loinc.org", "777-3", "Platelets")


@pytest.mark.parametrize(
    ("concept", "times"),
    [
        (None, 1),
        (CodeableConcept((CODING,), "Platelets"), 1),
        (CodeableConcept(text="x" * 400), 1),
        (CodeableConcept(text="x" * 401), 3),
        (CodeableConcept((Coding(display="x" * 200),), "x" * 200), 1),
        (CodeableConcept((Coding(display="x" * 200),), "x" * 201), 3),
        (CodeableConcept((CODING,) * 8), 1),
        (CodeableConcept((CODING,) * 9), 3),
    ],
    ids=["none", "usual", "longest", "too long", "two names", "too long names", "most", "too many"],
)
def test_how_often_it_is_worked_out(concept: CodeableConcept | None, times: int) -> None:
    asked = []

    @remembering_codes
    def meaning(code: CodeableConcept | None) -> str:
        asked.append(code)
        return "meant"

    assert [meaning(concept) for _ in range(3)] == ["meant"] * 3
    assert asked == [concept] * times


def test_the_memory_starts_anew_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "_MOST_REMEMBERED", 2)
    asked = []

    @remembering_codes
    def name(concept: CodeableConcept | None) -> str | None:
        asked.append(concept and concept.text)
        return concept and concept.text

    given = [CodeableConcept(text=text) for text in "ababcca"]
    assert [name(concept) for concept in given] == list("ababcca")
    assert asked == ["a", "b", "c", "a"]
