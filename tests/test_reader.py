"""The text rules on labelled report sentences, beside ConText (docs/reading.md)."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from hashlib import sha256

import pytest

from tests.reader import comparison, ours, tables
from tests.reader.labelled import ANSWERS, FOLDER, Half, Question, questions

QUESTIONS = questions()
BLIND = questions("blind")
CONTEXT = partial(comparison.answer, "context")
CELLS = [(reader, answer) for reader, answers in ANSWERS.items() for answer in answers[:-1]]
WORST = {"cytology": "negative", "mri": "normal", "flow": "normal", "form": "PF"}


def test_there_are_enough_sentences() -> None:
    sentences = Counter(reader for reader, _ in {(q.reader, q.text) for q in QUESTIONS})
    assert sum(sentences.values()) >= 300
    assert min(sentences[reader] for reader in ("cytology", "mri")) >= 90
    assert min(sentences.values()) >= 40


@pytest.mark.parametrize("asked_for", [QUESTIONS, BLIND], ids=["sentences", "blind"])
def test_no_sentence_is_asked_twice(asked_for: list[Question]) -> None:
    asked = [(q.reader, q.gene, q.text) for q in asked_for]
    assert len(asked) == len(set(asked))


def test_every_label_is_an_answer_of_its_reader() -> None:
    assert [q for q in [*QUESTIONS, *BLIND] if q.label not in ANSWERS[q.reader]] == []


@pytest.mark.parametrize("half", Half)
def test_every_answer_is_asked_for_in_each_half(half: Half) -> None:
    labels = {(q.reader, q.label) for q in QUESTIONS if q.half is half}
    assert labels == {(reader, label) for reader, all_ in ANSWERS.items() for label in all_}


def test_the_half_follows_from_the_text_alone() -> None:
    for question in QUESTIONS:
        even = int(sha256(question.text.encode()).hexdigest()[:2], 16) % 2 == 0
        assert (question.half is Half.DEVELOPMENT) is even


@pytest.mark.parametrize("half", Half)
@pytest.mark.parametrize(("reader", "answer"), CELLS)
def test_no_answer_is_wrong_more_often_than_that_of_context(
    reader: str, answer: str, half: Half
) -> None:
    rules = tables.measure(ours.answer, half).wrong(reader, answer)
    context = tables.measure(CONTEXT, half).wrong(reader, answer)
    assert rules < context or rules == context == 0


@pytest.mark.parametrize("half", Half)
@pytest.mark.parametrize("reader", ANSWERS)
def test_each_reader_is_wrong_less_often_than_context(reader: str, half: Half) -> None:
    rules = tables.measure(ours.answer, half).wrong_in_all(reader)
    assert rules < tables.measure(CONTEXT, half).wrong_in_all(reader)


@pytest.mark.parametrize(("reader", "answer"), WORST.items())
def test_nothing_is_called_free_that_is_not(reader: str, answer: str) -> None:
    assert [tables.measure(ours.answer, half).wrong(reader, answer) for half in Half] == [0, 0]


def test_four_of_the_blind_texts_are_also_among_the_sentences() -> None:
    blind, known = ({q.text.casefold().rstrip(".") for q in part} for part in (BLIND, QUESTIONS))
    assert len(blind & known) == 4


FROZEN = {
    "blind.yaml": "55b90780d5f0ef41b345f1392aa0961a6e91f60e7fd6f70389d21587bd408840",
    "blind-first.json": "9d977f72fcbd9d2466275553265572c633966408bfdebd8dce3d1ae4e0c853f7",
    "blind-context.json": "e64c9553276357a87e67b4915ced1ef9142e154d59a394f9bb7c700fb4115dec",
}
"""SHA-256 of the blind set and of the first answers to it: nobody may improve them afterwards."""


@pytest.mark.parametrize("name", FROZEN)
def test_the_blind_set_and_its_first_answers_stay_as_they_were(name: str) -> None:
    assert sha256((FOLDER / name).read_bytes()).hexdigest() == FROZEN[name]


def test_the_first_answers_to_the_blind_set_call_nothing_free_that_is_not() -> None:
    first = tables.measure_blind(partial(comparison.answer, "blind-first"))
    now = tables.measure_blind(ours.answer)
    assert [m.wrong(*worst) for m in (first, now) for worst in WORST.items()] == [0] * 8


def test_the_page_shows_what_is_measured() -> None:
    page = tables.PAGE.read_text(encoding="utf-8")
    generated = tables.all_tables()
    assert re.findall(r"<!-- ([\w-]+) -->", page.replace("<!-- end -->", "")) == list(generated)
    assert tables.page_with(generated, page) == page
