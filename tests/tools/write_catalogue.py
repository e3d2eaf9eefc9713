"""Writes `docs/catalogue.md` and `docs/cards.md`.

    python -m tests.tools.write_catalogue

The first is what `lm-cds catalogue` prints without a sign-off. The second shows each wording of
each recommendation as a card: the first of the examples in its file that leads to it, as the
service answers it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from cds_service.catalogue import document
from cds_service.catalogue_markdown import rendered, table
from hooks import SERVICES
from hooks.engine.recommendation import Recommendation
from tests import deck
from tests.charts.build import chart
from tests.charts.request import request
from tests.test_examples import EXAMPLES, Example

DOCS = deck.REPOSITORY / "docs"
LINES = 3
TITLES = ("Example", "Indicator", "Summary", "First lines of the detail")


def catalogue() -> str:
    """The content of `docs/catalogue.md`."""
    return rendered(document(None))


def cards(client: FlaskClient) -> str:
    """The content of `docs/cards.md`."""
    return "\n".join(_lines(client)) + "\n"


def _lines(client: FlaskClient) -> Iterator[str]:
    yield from ("# Cards as rendered", "")
    yield "Each wording of each recommendation, as the service answers the first example in its"
    yield "file that leads to it; see the [catalogue](catalogue.md) for rules and sources."
    yield ""
    for service in SERVICES.values():
        yield from (f"## {service.hook}", "")
        for recommendation in service.catalogue.recommendations.values():
            yield from (f"### {recommendation.id}", "")
            yield from table(TITLES, _rows(client, recommendation))


def _rows(client: FlaskClient, recommendation: Recommendation) -> Iterator[list[str]]:
    """One row for each wording; cards of their own come before merged ones."""
    shown = list(_shown(client, recommendation))
    for name, variant in recommendation.variants.items():
        fitting = [(merged, row) for wording, merged, row in shown if wording == name]
        nothing = ["none leads to it", variant.indicator.value, "", ""]
        yield min(fitting, key=lambda pair: pair[0])[1] if fitting else nothing


def _shown(
    client: FlaskClient, recommendation: Recommendation
) -> Iterator[tuple[str, bool, list[str]]]:
    """Wording, whether the card is a merged one, and row of each call that shows something."""
    for example, told, body in _calls(recommendation):
        card = _card(deck.post(client, example.hook, body), example)
        wordings = _wordings(client, example, body)
        if card is None or len(wordings) != 1:
            continue
        merged = card["source"]["topic"]["code"] != example.recommendation
        lines = _paragraph(card, recommendation) if merged else _first_lines(card)
        row = [told, example.outcome, card["summary"], "<br>".join(lines)]
        yield wordings.pop(), merged, row


def _calls(recommendation: Recommendation) -> Iterator[tuple[Example, str, Any]]:
    """The examples that show something; where a wording needs it, also with failed categories."""
    own = [each for each in EXAMPLES if each.recommendation == recommendation.id]
    fire = [each for each in own if each.outcome not in ("absent", "cannot-tell")]
    bodies = [
        (each, request(chart(each.facts, "mixed"), each.hook, "prefetch"))
        for each in sorted(fire, key=lambda each: each.kind != "fires")
    ]
    yield from ((each, each.name, body) for each, body in bodies)
    if any(name.endswith(("unread", "unknown")) for name in recommendation.variants):
        for category in ("DiagnosticReport", "Observation"):
            for each, body in bodies:
                yield each, f"{each.name}; {category} not read", _failed(body, each, category)


def _failed(body: Any, example: Example, category: str) -> Any:
    """The same call with a category that the client could not read."""
    needs = SERVICES[deck.SERVICE_OF[example.hook]].needs
    error = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}
    failed = {need.key: error for need in needs if need.resource_type == category}
    return body | {"prefetch": body["prefetch"] | failed}


def _card(answer: Any, example: Example) -> Any:
    """The card that carries the recommendation with the indicator of the example, if any."""
    item = (example.recommendation, example.outcome)
    cards = (c for c in answer["cards"] if item in deck.item_list({"cards": [c]}))
    return next(cards, None)


def _first_lines(card: Any) -> list[str]:
    """The first lines of the detail; a heading whose list is cut off is left out."""
    lines = [line for line in card["detail"].splitlines() if line][:LINES]
    return lines[:-1] if lines[-1].endswith(":**") else lines


def _paragraph(card: Any, recommendation: Recommendation) -> list[str]:
    """What a merged card says about one recommendation."""
    lines = card["detail"].splitlines()
    return [line for line in lines if line.startswith(f"**{recommendation.title}** (")][:1]


def _wordings(client: FlaskClient, example: Example, body: Any) -> set[str]:
    """The wordings in which the recommendation applies, over all orders of the call."""
    path = f"/sandbox/explain/{deck.SERVICE_OF[example.hook]}"
    entries = client.post(path, json=body).get_json()["recommendations"]
    own = (entry for entry in entries if entry["id"] == example.recommendation)
    return {entry["wording"] for entry in own if entry["outcome"] == "applies"}


def write() -> None:
    """Replace both documents."""
    (DOCS / "catalogue.md").write_text(catalogue(), encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        told = cards(deck.flask_client(Path(scratch)))
    (DOCS / "cards.md").write_text(told, encoding="utf-8")


if __name__ == "__main__":
    write()
