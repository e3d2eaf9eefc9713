"""What calls need beside a living process; `/readyz` is red while one of it is missing.

FHIR servers are not asked: one that is down costs its own data, not the service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from cds_service import drain, self_test
from cds_service.edge import Edge
from cds_service.errors import KeysMissing, NotReady, StoreUnavailable

Problem: TypeAlias = tuple[str, str | None]
"""A constant text, and what names the place."""


def require(edge: Edge) -> None:
    """Raise `NotReady` with every problem that there is now."""
    problems = [problem for check in CHECKS for problem in check(edge)]
    if problems:
        raise NotReady(problems)


def _known_answers(edge: Edge) -> Iterator[Problem]:
    for name in self_test.failed(edge):
        yield "A known answer came out differently.", name


def _store(edge: Edge) -> Iterator[Problem]:
    try:
        edge.store.check(edge.clock.now())
    except StoreUnavailable as failure:
        edge.log.store_failed(failure)
        yield "The store cannot be written to.", None


def _keys(edge: Edge) -> Iterator[Problem]:
    try:
        edge.door.check()
    except (KeysMissing, StoreUnavailable) as failure:
        yield failure.text, None


def _draining(_edge: Edge) -> Iterator[Problem]:
    if drain.begun():
        yield "The service is being stopped.", None


CHECKS: tuple[Callable[[Edge], Iterator[Problem]], ...] = (
    _known_answers,
    _store,
    _keys,
    _draining,
)
"""Everything that is asked, in the order of the answer."""
