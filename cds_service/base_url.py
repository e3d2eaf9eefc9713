"""Base URLs as operators write them in settings."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

EXPECTED = "an absolute http(s) URL without user, query or fragment is expected"


def base_url(text: str) -> str | None:
    """An absolute http(s) URL without its trailing slashes; None for anything else.

    User information, query, fragment, backslashes, white space and control characters are refused.
    """
    try:
        url = urlsplit(text)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        return None
    if not usable or "@" in url.netloc or re.search(r"[\s?#\\\x00-\x1f]", text):
        return None
    return text.rstrip("/")
