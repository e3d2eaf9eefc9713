"""A fact is a named clinical question: asked once per subject, answered with evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from hooks.answer import Answer, Evidence, Truth
from hooks.values import yaml_file


class Subject(Protocol):
    """What facts are asked about: a chart, or one draft order with its chart."""

    answers: dict[str, Answer]


class Remembering(Protocol):
    """What keeps the results of readings that are more than an answer."""

    memo: dict[str, Any]


S = TypeVar("S", bound=Subject)


@dataclass(frozen=True, slots=True)
class Fact:
    """A question, the function that answers it, and the type that it is about."""

    name: str
    question: str
    ask: Callable[[Any], Answer]
    about: str


FACTS: dict[str, Fact] = {}
"""All facts by name."""


def fact(function: Callable[[S], Answer]) -> Callable[[S], Answer]:
    """Register a function as a fact: name = function name, question = first docstring line."""
    name = function.__name__

    def ask(subject: S) -> Answer:
        if name not in subject.answers:
            given = function(subject)
            subject.answers[name] = Answer(
                name, given.truth, given.because, given.missing, given.value
            )
        return subject.answers[name]

    question = (function.__doc__ or "").splitlines()[0]
    about = next(iter(function.__annotations__.values()))
    FACTS[name] = Fact(name, question, ask, str(about))
    ask.__name__, ask.__doc__, ask.__module__ = name, function.__doc__, function.__module__
    return ask


def question(name: str) -> str | None:
    """The question that an answer of this name belongs to; None if nothing is called so."""
    known = FACTS.get(name)
    if known:
        return known.question
    composed: str | None = yaml_file("rule_answers.yaml")["questions"].get(name)
    return composed


M = TypeVar("M", bound=Remembering)
T = TypeVar("T")


def once(function: Callable[[M], T]) -> Callable[[M], T]:
    """Work out a conclusion once per chart."""

    def remembered(subject: M) -> T:
        if function.__name__ not in subject.memo:
            subject.memo[function.__name__] = function(subject)
        found: T = subject.memo[function.__name__]
        return found

    return remembered


def yes(*because: Evidence, value: str | None = None) -> Answer:
    """The answer yes, with its evidence."""
    return Answer("", Truth.YES, because, (), value)


def no(*because: Evidence, value: str | None = None) -> Answer:
    """The answer no; explicit evidence, or a complete count."""
    return Answer("", Truth.NO, because, (), value)


def unknown(*missing: str, because: tuple[Evidence, ...] = (), value: str | None = None) -> Answer:
    """The answer unknown, with what would have decided it."""
    return Answer("", Truth.UNKNOWN, because, missing, value)


def is_yes(answer: Answer) -> bool:
    """Whether an answer is yes; unknown is not."""
    return answer.truth is Truth.YES


def is_no(answer: Answer) -> bool:
    """Whether an answer is no; unknown is not."""
    return answer.truth is Truth.NO
