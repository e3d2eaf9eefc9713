"""Cases, how to post them to the service, and what to read from the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.edge import edge_of
from cds_service.server_guard import ServerGuards
from hooks import SERVICES
from tests.charts.build import NOW, Chart, chart
from tests.charts.request import Mode, request
from tests.charts.vocabulary import JsonObject
from tests.live import settings

TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent
SHARED = REPOSITORY / ".." / "shared"
SERVICE_OF = {service.hook: name for name, service in SERVICES.items()}
"""Service id by hook."""

Item = tuple[str, str]
"""(recommendation id, indicator)."""


@dataclass(frozen=True)
class Case:
    """One patient, the hook that is called, and the exact answer."""

    name: str
    hook: str
    facts: JsonObject
    expected: frozenset[Item]

    def chart(self, style: str, now: datetime = NOW) -> Chart:
        """The chart of the case in one notation."""
        return chart(self.facts, style, now)


def shared_cases() -> list[Case]:
    """The core cases of the specification; empty where they are not at hand."""
    folder = SHARED / "clinical" / "cases"
    return [_shared_case(path) for path in sorted(folder.glob("*.yaml"))]


def _shared_case(path: Path) -> Case:
    """One file of the core cases."""
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    expected = frozenset((item["id"], item["indicator"]) for item in case["expected"])
    return Case(path.stem[:40], case["hook"], case["facts"], expected)


def own_cases() -> list[Case]:
    """The cases of `tests/cases`."""
    folder = TESTS / "cases"
    bases = yaml.safe_load((folder / "_bases.yaml").read_text(encoding="utf-8"))
    files = [path for path in sorted(folder.glob("*.yaml")) if not path.name.startswith("_")]
    return [case for path in files for case in _own_file(path, bases)]


def _own_file(path: Path, bases: dict[str, JsonObject]) -> Iterator[Case]:
    """The cases of one file."""
    held = yaml.safe_load(path.read_text(encoding="utf-8"))
    if set(held) - {"hook", "rule", "anchors", "cases"}:
        raise KeyError(f"{path.name}: unknown keys {sorted(held)}")
    for entry in held["cases"]:
        unknown = set(entry) - {"name", "base", "change", "expected", "rule"}
        if unknown:
            raise KeyError(f"unknown keys of a case: {sorted(unknown)}")
        expected = frozenset(_item(text) for text in entry["expected"])
        facts = merged(bases[entry["base"]], entry["change"])
        yield Case(f"{path.stem}: {entry['name']}", held["hook"], facts, expected)


def _item(text: str) -> Item:
    """ "id indicator" as a pair."""
    recommendation, indicator = text.split()
    return recommendation, indicator


def merged(base: JsonObject, change: JsonObject) -> JsonObject:
    """`base` with `change`: objects merge, lists and scalars replace, null = unknown."""
    result = dict(base)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def catalogue(hook: str) -> frozenset[str]:
    """The recommendation ids that this release implements for a hook."""
    folder = REPOSITORY / "hooks" / hook.replace("-", "_")
    files = [path.stem for path in folder.rglob("*.yaml") if not path.name.startswith("_")]
    return frozenset({*files, "data-incomplete"})


def flask_client(folder: Path, now: datetime = NOW, **changes: Any) -> FlaskClient:
    """The application in this process with a fixed clock."""
    return create_app(settings(folder, now, **changes)).test_client()


def forget_servers(client: FlaskClient) -> None:
    """Nothing is known about FHIR servers any more: none is left alone for its faults."""
    edge_of(client.application).client.guards = ServerGuards()


def post(client: FlaskClient, hook: str, body: JsonObject) -> JsonObject:
    """The answer to one call, which must be 200."""
    answer = client.post(f"/cds-services/{SERVICE_OF[hook]}", json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return dict(answer.get_json())


def ask(client: FlaskClient, one: Chart, hook: str, mode: Mode = "prefetch") -> JsonObject:
    """The answer to the call that a chart makes."""
    return post(client, hook, request(one, hook, mode))


def extension(card: JsonObject, name: str) -> Any:
    """The extension of a card whose reverse-DNS name ends like this."""
    found = [value for key, value in card["extension"].items() if key.endswith(f".{name}")]
    assert len(found) == 1, f"one {name} extension expected: {sorted(card['extension'])}"
    return found[0]


def item_list(answer: JsonObject) -> list[Item]:
    """Every (id, indicator) of an answer, in the order of the cards."""
    listed = [entry for card in answer["cards"] for entry in extension(card, "recommendations")]
    return [(entry["id"], entry["indicator"]) for entry in listed]


def items(answer: JsonObject) -> frozenset[Item]:
    """The items of an answer; none may stand there twice."""
    listed = item_list(answer)
    assert len(listed) == len(set(listed)), f"an item stands twice: {listed}"
    return frozenset(listed)


def told(got: frozenset[Item], expected: frozenset[Item]) -> str:
    """What is missing and what is too much, in words."""
    missing, extra = sorted(expected - got), sorted(got - expected)
    return f"missing {missing}, not expected {extra}"
