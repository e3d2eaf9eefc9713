"""The deck in codes of a site: where every published code is replaced by one that the site maps,
every answer stays the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from hooks.fhir import Coding
from hooks.values.codes import memberships, normalised
from hooks.values.overlay import sides
from tests import deck
from tests.charts.build import STYLES
from tests.charts.request import request
from tests.charts.vocabulary import JsonObject

SYSTEM = "urn:oid:2.999.7"
CASES = deck.own_cases()[::3]
Pair = tuple[str, str]


def style_of(case: deck.Case) -> str:
    """The notations take turns."""
    return STYLES[CASES.index(case) % len(STYLES)]


def body_of(case: deck.Case) -> JsonObject:
    """The call in published codes."""
    return request(case.chart(style_of(case)), case.hook, "prefetch")


def codings(value: Any) -> Iterator[JsonObject]:
    """Every coding of a JSON value."""
    if isinstance(value, list):
        for part in value:
            yield from codings(part)
    elif isinstance(value, dict):
        if isinstance(value.get("coding"), list):
            yield from value["coding"]
        for part in value.values():
            yield from codings(part)


def meaning(coding: JsonObject) -> list[str]:
    """The value sets of a published code; where two exclude each other the longer entry counts.

    A secondary joins the metastatic value set alone.
    """
    found = memberships(Coding(coding.get("system"), coding.get("code")))
    outdone = {
        name
        for name, length in found.items()
        for other, longer in found.items()
        if longer > length and exclusive(name, other)
    }
    if "cancer-metastatic" in found:
        outdone.add("cancer-site-other")
    return [name for name in found if name not in outdone]


def exclusive(name: str, other: str) -> bool:
    """Whether two value sets exclude each other."""
    return any(
        name in one and other in two
        for group in sides().values()
        for one in group
        for two in group
        if one is not two
    )


def pair_of(coding: JsonObject) -> Pair:
    return normalised(Coding(coding.get("system"), coding.get("code")))


BODIES = [(case, body_of(case)) for case in CASES]
MEANINGS = {
    pair_of(coding): names for _, body in BODIES for coding in codings(body)
    if (names := meaning(coding))
}  # fmt: skip
LOCAL = {pair: f"c{number}" for number, pair in enumerate(MEANINGS)}


def translated(body: JsonObject) -> JsonObject:
    """The same call in the codes of the site."""
    found: JsonObject = json.loads(json.dumps(body))
    for coding in codings(found):
        if pair_of(coding) in LOCAL:
            coding |= {"code": LOCAL[pair_of(coding)], "system": SYSTEM}
    return found


def site_file(folder: Path) -> Path:
    """The site that maps them."""
    sets: dict[str, list[JsonObject]] = {}
    for pair, names in MEANINGS.items():
        for name in names:
            sets.setdefault(name, []).append({"code": LOCAL[pair]})
    value_sets = [
        {"id": name, "compose": {"include": [{"system": SYSTEM, "concept": codes}]}}
        for name, codes in sets.items()
    ]
    path = folder / "site.json"
    path.write_text(json.dumps({"value_sets": value_sets}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    folder = tmp_path_factory.mktemp("site")
    return deck.flask_client(folder, SITE_FILE=site_file(folder))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("elsewhere"))


@pytest.mark.parametrize(("case", "body"), BODIES, ids=[case.name for case, _ in BODIES])
def test_local_codes_are_read_like_published_ones(
    client: FlaskClient, case: deck.Case, body: JsonObject
) -> None:
    got = deck.items(deck.post(client, case.hook, translated(body)))
    expected = case.expected
    assert got == expected, f"{style_of(case)}: {deck.told(got, expected)}"


def test_most_kinds_of_codes_are_translated() -> None:
    assert len({name for names in MEANINGS.values() for name in names}) > 60


def test_elsewhere_the_same_codes_mean_nothing(elsewhere: FlaskClient) -> None:
    changed = [
        case.name
        for case, body in BODIES
        if deck.items(deck.post(elsewhere, case.hook, translated(body))) != case.expected
    ]
    assert len(changed) > len(BODIES) / 4
