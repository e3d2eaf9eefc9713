"""Headers on every answer: security, and CORS for browser clients.

An origin is allowed if it is configured, character by character; without configuration none is:
EHR servers call from server to server. The sandbox also allows pages of this host (loopback, any
port) and the public CDS Hooks Sandbox. Never with credentials, never a wildcard
(CDS Hooks 2.0.1, Cross-Origin Resource Sharing; trust section of the design, 1.7).
"""

from __future__ import annotations

import ipaddress
from functools import partial
from urllib.parse import urlsplit

from flask import Flask, Response, request

from cds_service.config import Settings

PUBLIC_SANDBOX = "https://sandbox.cds-hooks.org"
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
"""On every answer; a page may bring another `Cache-Control` or content security policy."""
_ALLOWED_HEADERS = "Authorization, Content-Type, Accept, Prefer, If-Match, If-None-Exist"


def register(app: Flask, settings: Settings) -> None:
    """Add the headers to every answer; a page may bring its own content security policy."""

    @app.after_request
    def _secure(response: Response) -> Response:
        for name, value in SECURITY.items():
            response.headers.setdefault(name, value)
        if request.method == "OPTIONS":
            response.headers.pop("Content-Type", None)
        return response

    if settings.origins or settings.sandbox:
        app.after_request(partial(_share, settings))


def _share(settings: Settings, response: Response) -> Response:
    origin = request.headers.get("Origin", "")
    response.headers.add("Vary", "Origin")
    if origin in settings.origins or (settings.sandbox and is_sandbox_origin(origin)):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "Location, ETag, Retry-After"
        if request.method == "OPTIONS":
            _answer_preflight(response)
    return response


def _answer_preflight(response: Response) -> None:
    response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "GET, POST")
    response.headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
    response.headers["Access-Control-Max-Age"] = "600"
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        response.headers["Access-Control-Allow-Private-Network"] = "true"


def is_sandbox_origin(origin: str) -> bool:
    """Whether the sandbox answers pages of this origin without further configuration."""
    if origin == PUBLIC_SANDBOX:
        return True
    try:
        url = urlsplit(origin)
        plain = origin == f"{url.scheme}://{url.netloc}" and "@" not in url.netloc
        port_readable = url.port is None or url.port > 0
    except ValueError:
        return False
    return (
        url.scheme in ("http", "https") and plain and port_readable and _is_loopback(url.hostname)
    )


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
