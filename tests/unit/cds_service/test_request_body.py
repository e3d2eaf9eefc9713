"""Reading a body: declared or chunked, up to the limit, and thrown away above it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import create_environ

from cds_service import request_body
from cds_service.errors import BodyTooLarge

LIMIT = 100


class Endless(io.RawIOBase):
    """A client that never stops sending."""

    def __init__(self) -> None:
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        self.taken += size
        return b"x" * size


def read(stream: Any, **environ: Any) -> bytes:
    made = create_environ(method="POST") | {"wsgi.input": stream}
    made.pop("CONTENT_LENGTH", None)
    with Flask(__name__).request_context(made | environ):
        return request_body.read(LIMIT)


CHUNKED = {"wsgi.input_terminated": True}


@pytest.mark.parametrize("size", [0, 1, LIMIT])
@pytest.mark.parametrize("chunked", [True, False])
def test_up_to_the_limit(size: int, chunked: bool) -> None:
    environ = CHUNKED if chunked else {"CONTENT_LENGTH": str(size)}
    assert read(io.BytesIO(b"x" * size), **environ) == b"x" * size


@pytest.mark.parametrize("chunked", [True, False])
def test_above_the_limit_the_rest_is_taken_and_refused(chunked: bool) -> None:
    stream = io.BytesIO(b"x" * (LIMIT + 1))
    with pytest.raises(BodyTooLarge):
        read(stream, **(CHUNKED if chunked else {"CONTENT_LENGTH": str(LIMIT + 1)}))
    assert stream.read() == b""


def test_a_declared_body_is_not_read_beyond_its_length() -> None:
    stream = io.BytesIO(b"x" * 500)
    with pytest.raises(BodyTooLarge):
        read(stream, CONTENT_LENGTH="300")
    assert len(stream.read()) == 200


@pytest.mark.parametrize("environ", [CHUNKED, {"CONTENT_LENGTH": str(10**12)}], ids=str)
def test_throwing_away_ends(monkeypatch: pytest.MonkeyPatch, environ: dict[str, Any]) -> None:
    monkeypatch.setattr(request_body, "_DISCARD_BYTES", 5_000_000)
    stream = Endless()
    with pytest.raises(BodyTooLarge):
        read(stream, **environ)
    assert stream.taken <= 5_000_000 + LIMIT + 1


def test_throwing_away_a_slow_body_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 1.0, 11.0])
    monkeypatch.setattr(request_body, "monotonic", lambda: next(times))
    stream = Endless()
    with pytest.raises(BodyTooLarge):
        read(stream, **CHUNKED)
    assert next(times, None) is None


def test_a_stream_without_an_end_is_not_read() -> None:
    assert read(io.BytesIO(b"x" * 10)) == b""
