"""`docs/catalogue.md` and `docs/cards.md` say what the service says.

Regenerate both with `python -m tests.tools.write_catalogue` and read the difference.
"""

from __future__ import annotations

from pathlib import Path

from flask.testing import FlaskClient

from hooks import SERVICES
from hooks.engine.overview import statements
from tests import deck
from tests.tools import write_catalogue

RECOMMENDATIONS = [r for s in SERVICES.values() for r in s.catalogue.recommendations.values()]


def held(name: str) -> str:
    return (write_catalogue.DOCS / name).read_text(encoding="utf-8")


def test_the_catalogue_is_current() -> None:
    assert held("catalogue.md") == write_catalogue.catalogue()


def test_the_cards_are_current(tmp_path: Path) -> None:
    client: FlaskClient = deck.flask_client(tmp_path)
    assert held("cards.md") == write_catalogue.cards(client)


def test_the_catalogue_names_every_recommendation_and_statement() -> None:
    lines = held("catalogue.md").splitlines()
    assert all(f"### {each.id}" in lines for each in RECOMMENDATIONS)
    assert all(any(line.startswith(f"| {name} |") for line in lines) for name in statements())
    told = [
        line for line in lines if line.endswith("No clinician has signed this content off yet.")
    ]
    assert len(told) == len(RECOMMENDATIONS)


def test_every_wording_has_its_card() -> None:
    rows = [line for line in held("cards.md").splitlines() if line.startswith("| ")]
    heads = [row for row in rows if row.startswith("| Example |")]
    assert len(heads) == len(RECOMMENDATIONS)
    assert len(rows) - len(heads) == sum(len(each.variants) for each in RECOMMENDATIONS)


def test_a_merged_card_is_shown_by_its_paragraph() -> None:
    """Cards that share their place still tell each recommendation apart."""
    one = next(each for each in RECOMMENDATIONS if each.id == "mtx-drug-interaction")
    told = f"**{one.title}** (info): Active orders: NSAID."
    card = {"detail": f"**Another title** (info): x.\n\n{told}\n\n**Limits:** none"}
    assert write_catalogue._paragraph(card, one) == [told]
