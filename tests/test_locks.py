"""Each lock file pins all that its part of `pyproject.toml` asks for."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.audit.bill import normal
from tests.audit.tools import ROOT

LOCKS = {
    "requirements.lock": (),
    "requirements-postgres.lock": ("postgres",),
    "requirements-dev.lock": ("dev",),
    "requirements-fuzz.lock": ("fuzz",),
    "requirements-reader.lock": ("reader",),
}


@pytest.mark.parametrize(("lock", "extras"), LOCKS.items(), ids=str)
def test_a_lock_file_pins_what_is_asked_for(lock: str, extras: tuple[str, ...]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    more = [each for extra in extras for each in project["optional-dependencies"][extra]]
    asked = {normal(_name(each)) for each in [*project["dependencies"], *more]}
    text = (ROOT / lock).read_text("utf-8")
    assert asked - {normal(n) for n in re.findall(r"^([\w.-]+)(?:\[.*\])?==", text, re.M)} == set()


def _name(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found
    return found[0]
