"""Which browser pages may call the sandbox."""

from __future__ import annotations

import pytest

from cds_service.web_headers import is_sandbox_origin


@pytest.mark.parametrize(
    "origin",
    [
        "https://sandbox.cds-hooks.org",
        "http://localhost",
        "http://localhost:8080",
        "https://localhost:443",
        "http://127.0.0.1:3000",
        "http://127.8.9.10",
        "http://[::1]:9000",
    ],
)
def test_allowed(origin: str) -> None:
    assert is_sandbox_origin(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "*",
        "https://evil.example",
        "http://sandbox.cds-hooks.org",
        "https://sandbox.cds-hooks.org.evil.example",
        "https://sandbox.cds-hooks.org:8443",
        "http://localhost.evil.example",
        "http://evil.example#localhost",
        "http://localhost@evil.example",
        "http://user@localhost",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
        "http://[::2]",
        "http://[::1",
        "http://localhost:99999",
        "http://localhost/path",
        "file://localhost",
        "chrome-extension://localhost",
    ],
)
def test_refused(origin: str) -> None:
    assert not is_sandbox_origin(origin)
