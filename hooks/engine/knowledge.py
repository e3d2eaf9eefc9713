"""Version of the knowledge: a number that people raise, and a hash over every knowledge file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from hooks.site import NO_SITE, Site

RELEASE = "2026.1.0"
"""The released version of recommendations, parameters, value sets and guidelines."""

_SUFFIXES = (".yaml", ".json")


def _files(folder: Traversable, path: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda found: found.name):
        if entry.is_dir():
            yield from _files(entry, f"{path}{entry.name}/")
        elif entry.name.endswith(_SUFFIXES):
            yield path + entry.name, entry.read_bytes()


def content_version(site: Site = NO_SITE) -> str:
    """`RELEASE+sha256.<12 hex digits>`, and `+site.<12 hex digits>` where a site adds to it."""
    return _own_version() + (f"+site.{site.version}" if site.version else "")


@cache
def _own_version() -> str:
    """Release, and a hash over names and contents of all knowledge files."""
    digest = hashlib.sha256()
    for name, content in _files(resources.files("hooks")):
        digest.update(name.encode() + b"\0" + content + b"\0")
    return f"{RELEASE}+sha256.{digest.hexdigest()[:12]}"
