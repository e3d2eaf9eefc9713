"""The bytes of a request body, up to a limit, whether its length was declared or it is chunked.

A body over the limit is read on and thrown away for a while before it is refused: a client that
is still sending would otherwise see a broken connection instead of the answer 413.
"""

from __future__ import annotations

from contextlib import suppress
from typing import IO

from flask import request

from cds_service.clock import monotonic
from cds_service.errors import BodyTooLarge, BodyUnreadable

_CHUNK = 1024 * 1024
_DISCARD_SECONDS = 10.0
_DISCARD_BYTES = 256 * _CHUNK
_SKIP_SECONDS, _SKIP_BYTES = 1.0, _CHUNK


def read(limit: int) -> bytes:
    """The whole body of the current request. Raises `BodyTooLarge` above `limit` bytes."""
    declared = request.content_length
    stream: IO[bytes] = request.environ["wsgi.input"]
    if declared is not None:
        if declared > limit:
            _discard(stream, min(declared, _DISCARD_BYTES), _DISCARD_SECONDS)
            raise BodyTooLarge
        return _up_to(stream, declared)
    if not request.environ.get("wsgi.input_terminated"):
        return b""
    body = _up_to(stream, limit + 1)
    if len(body) > limit:
        _discard(stream, _DISCARD_BYTES, _DISCARD_SECONDS)
        raise BodyTooLarge
    return body


def skip() -> None:
    """Throw the body of a refused call away: gunicorn closes, unannounced, a connection on which
    more than 64 KiB were left, and the next call on it is lost.
    """
    with suppress(BodyUnreadable):
        _discard(request.environ["wsgi.input"], _SKIP_BYTES, _SKIP_SECONDS)


def _up_to(stream: IO[bytes], most: int) -> bytes:
    parts: list[bytes] = []
    while most > 0 and (part := _next(stream, most)):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def _next(stream: IO[bytes], most: int) -> bytes:
    """The next bytes. A body that breaks off or is framed wrongly raises `BodyUnreadable`."""
    try:
        return stream.read(min(_CHUNK, most))
    except Exception:  # every WSGI server has error classes of its own
        raise BodyUnreadable from None


def _discard(stream: IO[bytes], most: int, seconds: float) -> None:
    end = monotonic() + seconds
    while most > 0 and monotonic() < end and (part := _next(stream, most)):
        most -= len(part)
