"""Data that nobody here wrote: never a fault, never an invented intrathecal order."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.config import Settings
from tests import clients, deck, real_data
from tests.charts.build import NOW, Chart, chart
from tests.charts.request import request
from tests.charts.vocabulary import JsonObject

pytestmark = pytest.mark.skipif(not real_data.FOLDER.exists(), reason=real_data.ABSENT)

ADOPTER = "adopter"
CLEAN = {
    "drug": "methotrexate",
    "route": "IT",
    "access": "lumbar",
    "dose": 12,
    "unit": "mg",
    "form": "PF",
}
INTRATHECAL = next(iter((chart({"order": CLEAN}, patient_id=ADOPTER).draft_orders or {})["entry"]))[
    "resource"
]
INTRATHECAL_ONLY = frozenset(
    name
    for name in deck.catalogue("order-sign")
    if name.startswith("mtx-") and name not in ("mtx-craniospinal-rt", "mtx-not-verifiable")
)
"""What only an intrathecal methotrexate order may produce."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """The production profile: no server of these calls may be contacted."""
    folder = tmp_path_factory.mktemp("real")
    return clients.calling(create_app(Settings.from_env(clients.production(folder))))


@pytest.mark.parametrize("service", sorted(deck.SERVICE_OF.values()))
def test_hook_bodies_of_other_clients(client: FlaskClient, service: str) -> None:
    for path in real_data.hook_bodies():
        answer = client.post(
            f"/cds-services/{service}", data=path.read_bytes(), content_type="application/json"
        )
        assert answer.status_code in (200, 400, 412), f"{path.name}: {answer.status_code}"
        body = answer.get_json()
        if answer.status_code == 200:
            assert isinstance(body["cards"], list), path.name
        else:
            assert body["resourceType"] == "OperationOutcome", path.name
        if not real_data.is_json(path):
            assert answer.status_code == 400, path.name


def record_charts(folder: Path) -> list[Chart]:
    """Each record as published, and once more with every resource about one patient."""
    records = real_data.records(folder)
    published = [Chart(r, None, real_data.patient_of(r), NOW) for r in records]
    adopted = [Chart(real_data.adopted(r, ADOPTER), None, ADOPTER, NOW) for r in records]
    return published + adopted


def assert_sound(answer: JsonObject, where: str) -> None:
    """Every card but the one on unread data cites a resource; summaries are short enough."""
    for card in answer["cards"]:
        ids = {entry["id"] for entry in deck.extension(card, "recommendations")}
        assert len(card["summary"]) <= 139, where
        evidence = deck.extension(card, "basis").get("evidence", [])
        references = [name for fact in evidence for name in fact.get("references", ())]
        assert references or ids == {"data-incomplete"}, f"{where}: {sorted(ids)} cites nothing"


def record_answer(
    client: FlaskClient, record: Chart, orders: list[JsonObject] | None, hook: str
) -> JsonObject | None:
    """The answer of one service to a record; None for a 412."""
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": o} for o in orders or ()],
    }
    asked = Chart(record.resources, bundle, record.patient_id, NOW)
    answer = client.post(
        f"/cds-services/{deck.SERVICE_OF[hook]}", json=request(asked, hook, "prefetch")
    )
    assert answer.status_code in (200, 412), answer.get_data(as_text=True)
    assert answer.status_code == 200 or hook == "patient-view"
    return dict(answer.get_json()) if answer.status_code == 200 else None


def own_orders(record: Chart) -> list[JsonObject]:
    """The medication requests of a record, methotrexate first."""
    found = [r for r in record.resources if r["resourceType"] == "MedicationRequest"]
    return sorted(found, key=lambda r: "ethotrexate" not in str(r))[:20]


@pytest.mark.parametrize("folder", real_data.folders(), ids=lambda folder: folder.name)
def test_records(client: FlaskClient, folder: Path) -> None:
    for number, record in enumerate(record_charts(folder)):
        where = f"{folder.name} {number}"
        opened = record_answer(client, record, None, "patient-view")
        assert_sound(opened or {"cards": []}, where)
        signed = record_answer(client, record, own_orders(record), "order-sign") or {}
        assert_sound(signed, where)
        invented = {name for name, _ in deck.items(signed)} & INTRATHECAL_ONLY
        assert not invented, f"{where}: {sorted(invented)} without an intrathecal order"
        assert_sound(record_answer(client, record, [INTRATHECAL], "order-sign") or {}, where)


def test_published_methotrexate_orders_exist() -> None:
    """The check for invented intrathecal orders must meet methotrexate orders."""
    orders = [o for f in real_data.folders() for r in record_charts(f) for o in own_orders(r)]
    assert any("ethotrexate" in str(order) for order in orders)
