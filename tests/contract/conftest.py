"""The answers to all test patients, asked once."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service import create_app
from cds_service.config import Settings
from cds_service.edge import edge_of
from tests.contract.calls import NOW, PAIRS, call


@pytest.fixture(scope="session")
def all_calls(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Any, Any]]:
    """(service, request, answer) for every test patient."""
    folder = tmp_path_factory.mktemp("contract")
    environ = {
        "LM_CDS_PROFILE": "sandbox",
        "LM_CDS_NOW": NOW.isoformat(),
        "LM_CDS_DATABASE_URL": f"sqlite:///{folder}/contract.sqlite3",
    }
    app = create_app(Settings.from_env(environ))
    client = app.test_client()
    found = []
    for service, story in PAIRS:
        body = call(service, story.name)
        found.append((service, body, client.post(f"/cds-services/{service}", json=body).json))
    edge_of(app).close()
    return found


@pytest.fixture(scope="session")
def all_cards(all_calls: list[tuple[str, Any, Any]]) -> list[Any]:
    """All cards of all test patients."""
    cards = [card for _, _, answer in all_calls for card in answer["cards"]]
    assert len(cards) > 40
    return cards


@pytest.fixture(scope="session")
def all_suggestions(all_cards: list[Any]) -> list[Any]:
    """All suggestions of all cards."""
    found = [each for card in all_cards for each in card.get("suggestions", [])]
    assert len(found) > 20
    return found
