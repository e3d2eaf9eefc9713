"""The floor: a Flask view that parses the body with the standard library and counts it."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask, request

app = Flask(__name__)


@app.post("/cds-services/<service_id>")
def count(service_id: str) -> dict[str, Any]:
    """One card with the number of entries of each prefetch key."""
    held = json.loads(request.get_data())["prefetch"]
    counts = {key: len((value or {}).get("entry", ())) for key, value in held.items()}
    card = {
        "summary": f"{sum(counts.values())} entries under {len(counts)} keys",
        "indicator": "info",
        "source": {"label": service_id},
    }
    return {"cards": [card]}
