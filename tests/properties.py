"""What the property tests share: how many examples, and how answers are compared."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests import deck
from tests.charts.strategies import established_facts, order_sign_facts, patient_view_facts
from tests.charts.transform import without_uuid
from tests.charts.vocabulary import JsonObject

RANK = {"critical": 3, "warning": 2, "info": 1}
calls = st.one_of(
    st.tuples(st.just("patient-view"), patient_view_facts()),
    st.tuples(st.just("patient-view"), established_facts()),
    st.tuples(st.just("order-sign"), order_sign_facts()),
)
thorough = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def cards(answer: JsonObject) -> list[JsonObject]:
    """The cards without their uuids."""
    text = json.dumps(answer["cards"], sort_keys=True)
    return [without_uuid(card) for card in json.loads(text)]


def ranks(answer: JsonObject) -> dict[str, int]:
    """The highest severity of each recommendation of an answer."""
    found: dict[str, int] = {}
    for name, indicator in deck.items(answer):
        found[name] = max(found.get(name, 0), RANK[indicator])
    return found
