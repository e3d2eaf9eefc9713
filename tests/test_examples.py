"""The examples inside the recommendation files, asked over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import yaml
from flask.testing import FlaskClient

from tests import deck
from tests.charts.build import STYLES, chart
from tests.charts.request import request
from tests.charts.vocabulary import JsonObject

HOOKS = ("patient-view", "order-sign")
KINDS = frozenset({"fires", "below", "excluded", "missing", "boundary"})
OUTCOMES = frozenset({"critical", "warning", "info", "absent", "cannot-tell"})
CHARTS_FILE = deck.REPOSITORY / "hooks" / "values" / "example_charts.yaml"


@dataclass(frozen=True)
class Example:
    """One example of one recommendation."""

    recommendation: str
    hook: str
    name: str
    kind: str
    facts: JsonObject
    outcome: str


def files() -> dict[tuple[str, str], JsonObject]:
    """Every recommendation file by hook and id."""
    return {
        (hook, path.stem): yaml.safe_load(path.read_text(encoding="utf-8"))
        for hook in HOOKS
        for path in sorted((deck.REPOSITORY / "hooks" / hook.replace("-", "_")).rglob("*.yaml"))
        if not path.name.startswith("_")
    }


FILES = files()
CHARTS = yaml.safe_load(CHARTS_FILE.read_text(encoding="utf-8"))["charts"]


def examples() -> list[Example]:
    """Every example of every file."""
    return [
        Example(name, hook, e["name"], e["kind"], _facts(e), e["outcome"])
        for (hook, name), held in FILES.items()
        for e in held["examples"]
    ]


def _facts(example: JsonObject) -> JsonObject:
    """The facts of the base chart with the change of the example."""
    return deck.merged(CHARTS[example["chart"]]["facts"], example["change"])


EXAMPLES = examples()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("examples"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"{e.recommendation}: {e.name}")
def test_example(client: FlaskClient, example: Example) -> None:
    rotated = STYLES[EXAMPLES.index(example) % 3]
    for style in ("mixed", rotated):
        body = request(chart(example.facts, style), example.hook, "prefetch")
        got = deck.items(deck.post(client, example.hook, body))
        shown = {indicator for name, indicator in got if name == example.recommendation}
        if example.outcome in ("absent", "cannot-tell"):
            assert not shown, f"{style}: {shown}"
        else:
            assert shown == {example.outcome}, f"{style}: {sorted(got)}"
        if example.outcome == "cannot-tell":
            assert outcomes(client, example, body) == {"cannot tell"}, style


def outcomes(client: FlaskClient, example: Example, body: JsonObject) -> set[str]:
    """What the explanation says about the recommendation, for every order of the call."""
    path = f"/sandbox/explain/{deck.SERVICE_OF[example.hook]}"
    answer = client.post(path, json=body)
    assert answer.status_code == 200
    entries = answer.get_json()["recommendations"]
    return {e["outcome"] for e in entries if e["id"] == example.recommendation}


@pytest.mark.parametrize("key", FILES, ids=lambda key: key[1])
def test_examples_are_complete(key: tuple[str, str]) -> None:
    """Fires, excluded and missing are shown; a boundary is shown from both sides."""
    held = FILES[key]["examples"]
    kinds = {example["kind"] for example in held}
    assert kinds >= {"fires", "excluded", "missing"}
    sides = {example["outcome"] for example in held if example["kind"] in ("boundary", "below")}
    assert "boundary" not in kinds or "below" in kinds or len(sides) > 1


@pytest.mark.parametrize("key", FILES, ids=lambda key: key[1])
def test_examples_are_well_formed(key: tuple[str, str]) -> None:
    held = FILES[key]["examples"]
    names = [example["name"] for example in held]
    assert len(names) == len(set(names))
    for example in held:
        assert set(example) == {"name", "kind", "chart", "change", "outcome"}
        assert example["kind"] in KINDS
        assert example["outcome"] in OUTCOMES
        assert CHARTS[example["chart"]]["hook"] == key[0]


@pytest.mark.parametrize("key", FILES, ids=lambda key: key[1])
def test_every_indicator_of_a_file_has_an_example(key: tuple[str, str]) -> None:
    variants = {variant["indicator"] for variant in FILES[key]["variants"].values()}
    assert variants <= {example["outcome"] for example in FILES[key]["examples"]}


def test_every_chart_is_used() -> None:
    used = {example["chart"] for held in FILES.values() for example in held["examples"]}
    assert used == set(CHARTS)
