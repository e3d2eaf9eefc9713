"""The patient of the tests about what a site adds: established LM, and an order into its CSF."""

from __future__ import annotations

from typing import Any

FACTS: dict[str, Any] = {
    "age": 54,
    "cancer": [{"site": "breast", "metastatic": True}],
    "lm_dx": "confirmed",
    "order": {
        "drug": "methotrexate",
        "route": "IT",
        "access": "ommaya",
        "dose": 12,
        "unit": "mg",
        "volume_ml": 12,
    },
}
