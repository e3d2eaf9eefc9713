"""Connections to PostgreSQL that never wait longer than their caller can.

The time limits of the server end a statement that waits for a lock, but not one whose server has
stopped answering (a frozen host, a lost network). So each connection looks at the clock of its
caller while it waits, and is closed when that has run out.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa

from cds_service import clock

CONNECT_SECONDS = 2
_OPTIONS = {
    "connect_timeout": CONNECT_SECONDS,
    "tcp_user_timeout": 2000,
    "options": "-c statement_timeout=2000",
}
_LOOK_SECONDS = 0.02
_TOO_LATE = "the database did not answer in time"
_T = TypeVar("_T")
_limit: ContextVar[float | None] = ContextVar("limit", default=None)


@contextmanager
def patience(milliseconds: int) -> Iterator[None]:
    """Statements sent inside end at the latest after this time, with `OperationalError`."""
    token = _limit.set(clock.monotonic() + milliseconds / 1000)
    try:
        yield
    finally:
        _limit.reset(token)


def _is_over() -> bool:
    limit = _limit.get()
    return limit is not None and clock.monotonic() > limit


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that gives up, and closes itself, when the `patience` of its caller ends."""

    def wait(self, gen: Generator[Any, Any, _T], *_: Any, **__: Any) -> _T:
        """Wait for the server as the driver does, with a look at the clock."""
        return super().wait(self._watched(gen), _LOOK_SECONDS)

    def _watched(self, gen: Generator[Any, Any, _T]) -> Generator[Any, Any, _T]:
        try:
            asked = next(gen)
            while True:
                ready = yield asked
                if not ready and _is_over():
                    self.close()
                    raise psycopg.OperationalError(_TOO_LATE)
                asked = gen.send(ready)
        except StopIteration as done:
            result: _T = done.value
            return result


def engine(url: str) -> sa.Engine:
    """The connections to a PostgreSQL database; none is made yet."""
    made = sa.create_engine(url, connect_args=_OPTIONS, pool_timeout=2, pool_pre_ping=True)

    @sa.event.listens_for(made, "do_connect")
    def _connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        if _is_over():  # A connection that just failed is not worth a second wait.
            raise psycopg.OperationalError(_TOO_LATE)
        return BoundedConnection.connect(*arguments, **options)

    return made
