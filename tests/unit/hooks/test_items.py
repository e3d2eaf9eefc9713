"""Which dismissed items come back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hooks import SERVICES
from hooks.engine.items import Dismissal
from tests.unit.hooks.records import BREAST, LM, NOW, record

SERVICE = SERVICES["lm-patient-view"]


@pytest.mark.parametrize(("days", "back"), [(0, False), (30, False), (31, True)])
def test_a_dismissed_item_comes_back_after_30_days(days: int, back: bool) -> None:
    found = record(BREAST, LM)
    items = {item.recommendation: item for item in SERVICE.items(found)}
    item = items["record-kps"]
    at = NOW - timedelta(days=days)
    left = SERVICE.items(found, [Dismissal(item.recommendation, item.fingerprint, at)])
    shown = {item.recommendation for item in left}
    assert shown == set(items) - (set() if back else {"record-kps"})
