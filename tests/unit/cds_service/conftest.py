"""A database for the tests of the store: SQLite, or one on the server that is being tested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres.databases import database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file of an SQLite database is."""
    return tmp_path / "kept" / "lm-cds.sqlite3"


@pytest.fixture
def url(path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    with database(path) as url:
        yield url
