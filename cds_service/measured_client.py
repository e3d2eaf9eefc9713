"""The FHIR client, with each request counted and timed."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.allowance import Allowance
from cds_service.clock import monotonic
from cds_service.deadline import Deadline
from cds_service.fhir_client import FhirClient, HttpAnswer
from cds_service.metrics import Metrics
from cds_service.network_policy import Network


class MeasuredClient(FhirClient):
    """Tells the metrics how each reading of an address ended and how long it took."""

    def __init__(
        self, max_answer_bytes: int, networks: Iterable[Network], metrics: Metrics
    ) -> None:
        super().__init__(max_answer_bytes, networks)
        self._metrics = metrics

    def get(
        self,
        url: str,
        token: str | None,
        deadline: Deadline,
        allowance: Allowance | None = None,
    ) -> HttpAnswer:
        """Read one address; see `FhirClient.get`."""
        started = monotonic()
        answer = super().get(url, token, deadline, allowance)
        self._metrics.fhir_query(answer.reason, monotonic() - started)
        return answer
