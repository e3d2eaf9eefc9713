"""The test patients of the sandbox FHIR server, kept as old as their stories say.

The files are dated relative to a reference day. Here they are moved to the present day, at the
first use and again when the day changes; what a client has changed or deleted stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from threading import Lock

import fhir_fixtures
from cds_service.sandbox.repository import Repository


class SandboxData:
    """The repository of this process with the test patients in it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = Lock()
        self._day: date | None = None
        self._repository = Repository(now)

    def repository(self) -> Repository:
        """The repository, its test patients dated for today."""
        today = self._now().date()
        if self._day != today:
            with self._lock:
                if self._day != today:
                    seed(self._repository, today)
                    self._day = today
        return self._repository


def seed(repository: Repository, today: date) -> None:
    """Put every test patient into a repository, dated for this day."""
    for story in fhir_fixtures.stories():
        seed_story(repository, story.name, today)


def seed_story(repository: Repository, story: str, today: date) -> None:
    """Put one test patient into a repository, dated for this day."""
    for entry in fhir_fixtures.shift(fhir_fixtures.load(story), today)["entry"]:
        resource = entry["resource"]
        repository.put_fixture(resource["resourceType"], resource["id"], resource)
