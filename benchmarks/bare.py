"""One of the steps of a call in a Flask view, the heap frozen as in a worker.

`BENCH_STEP` names the step.
"""

from __future__ import annotations

import os
from typing import Any

from flask import Flask, request

from benchmarks.steps import STEPS, application
from cds_service.warm_up import warm_up

app = Flask(__name__)
_step = STEPS[os.environ["BENCH_STEP"]]
warm_up(application())


@app.post("/cds-services/<service_id>")
def count(service_id: str) -> dict[str, Any]:
    """One card with what the step found."""
    found = _step(request.get_data())
    card = {"summary": f"{found} found", "indicator": "info", "source": {"label": service_id}}
    return {"cards": [card]}
