"""Sentences of real reports and orders, and what the text rules must make of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from hooks.readings import csf_space, cytology, imaging, malignancy, order, route

SENTENCES = yaml.safe_load((Path(__file__).parent / "sentences.yaml").read_text(encoding="utf-8"))
CASES = SENTENCES["sentences"]
NO_MARKERS = "this release reads no tumour markers"

_FLOW = {"inconclusive": "U"}
_PATTERN = {"not stated": "U"}
_FORM = {"preservative-free": "PF", "not stated": "U"}
_VALVE = {
    "on/off valve": "on_off",
    "programmable valve with a documented closing plan": "programmable_plan",
    "programmable valve without a documented closing plan": "programmable",
    "valve type not recorded": "valve_unknown",
    "no on/off valve": "no_valve",
}


def _pattern(text: str) -> str:
    found = imaging.pattern(text).value
    return _PATTERN.get(found, found)


def _flow(text: str) -> str:
    found = csf_space.flow_status(text).value
    return _FLOW.get(found, found)


def _form(text: str) -> str:
    found = order.formulation_in_text(text).value
    return _FORM.get(found, found)


def _mass(text: str) -> str:
    return ", ".join(sorted(mass.value for mass in imaging.masses(text))) or "none"


def _cytology(text: str) -> str:
    found = cytology.classify(text)
    return found.value if found else "unclassifiable"


def _route(text: str) -> str:
    return "named" if route.names_intrathecal(text) else "not named"


def _cancer(text: str) -> str | None:
    return (malignancy.site_from_text(text) or "none").removeprefix("cancer-site-")


READERS: dict[str, Callable[[str], Any]] = {
    "CSF result": _cytology,
    "MRI pattern": _pattern,
    "mass": _mass,
    "flow": _flow,
    "valve": lambda text: _VALVE[csf_space.valve(text).value],
    "form": _form,
    "route text": _route,
    "cancer": _cancer,
}


def _markers(text: str, names: str) -> str:
    found = import_module("hooks.readings.markers").read(text)
    return ", ".join(found.get(name, "U") for name in names.split(", "))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['of']}: {case['text'][:50]}")
def test_sentence(case: dict[str, str]) -> None:
    if case["of"].startswith("marker "):
        if find_spec("hooks.readings.markers") is None:
            pytest.skip(NO_MARKERS)
        assert _markers(case["text"], case["of"].removeprefix("marker ")) == case["result"]
    else:
        assert READERS[case["of"]](case["text"]) == case["result"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['of']}: {case['text'][:50]}")
def test_white_space_change_nothing(case: dict[str, str]) -> None:
    if case["of"] in READERS:
        spaced = case["text"].replace(" ", "   ")
        assert READERS[case["of"]](spaced) == READERS[case["of"]](case["text"])
