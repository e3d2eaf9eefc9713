"""A whole HTTP answer as bytes, for where no application is at hand to send it."""

from __future__ import annotations

from flask import Response

from cds_service.web_headers import SECURITY


def raw(response: Response, *, closes: bool) -> bytes:
    """The answer with the headers of every answer; `closes` announces the end of the connection."""
    headers = dict(response.headers) | SECURITY
    if closes:
        headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {response.status}", *(f"{name}: {headers[name]}" for name in headers)]
    return "\r\n".join([*lines, "", ""]).encode() + response.get_data()
