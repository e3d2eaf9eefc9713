"""Figures for Prometheus that add up over all workers; labels come from closed lists only.

A value that is on no list is counted as `other`: no patient, user, address or text of a request
can become a label. Log events are counted as they are written; see `Log`.
Source: trust section of the design, 1.6 and 2.2 (metrics).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from cds_service import metrics_files
from cds_service.feedback import Feedback
from cds_service.logs import Event
from hooks import Card, Service
from hooks.answer import Indicator
from hooks.record import Failure, Reason, http_reason

OTHER = "other"
ENDPOINTS = {
    "cds.discovery": "discovery",
    "cds.call": "call",
    "cds.take_feedback": "feedback",
    "cds.alive": "livez",
    "cds.ready": "readyz",
}
"""The label of each endpoint that is told apart."""
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx")
OUTCOMES = ("accepted", "overridden")
UNMATCHED = ("unknown", "repeated")
REFERENCED = ("Medication", "Specimen")
"""Resource types that no need asks for, but references name."""
ANSWERED = "answered"
HTTP_REASONS = tuple(
    http_reason(s) for s in (400, 401, 403, 404, 410, 422, 429, 500, 502, 503, 504)
)
REASONS = (*(reason.value for reason in Reason), *HTTP_REASONS)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2.5, 5, 10)


class Metrics:
    """The figures of one application."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._registry = CollectorRegistry()
        self._lists = closed_lists(services)
        self._make_counters()
        self._make_measures()
        for service in services.values():
            for name in service.catalogue.recommendations:
                for indicator in Indicator:
                    self._items.labels(service.id, name, indicator.value)

    def request(self, endpoint: str | None, service: str, status: int, seconds: float) -> None:
        """One HTTP request was answered."""
        kind = ENDPOINTS.get(endpoint or "", OTHER)
        labels = {"endpoint": kind, "service": self._known("service", service)}
        self._requests.labels(**labels, status=f"{status // 100}xx").inc()
        if kind == ENDPOINTS["cds.call"]:
            self._call_seconds.labels(labels["service"]).observe(seconds)

    def turned_away(self, service: str, calls: int) -> None:
        """So many hook calls were answered 503 before anything was asked of the application."""
        self._requests.labels(ENDPOINTS["cds.call"], self._known("service", service), "5xx").inc(
            calls
        )

    def evaluated(self, service: str, cards: Iterable[Card], failures: Iterable[Failure]) -> None:
        """One hook call was evaluated: what its cards say, and what could not be read."""
        known = self._known("service", service)
        for card in cards:
            for item in card.items:
                name = self._known("recommendation", item.recommendation)
                self._items.labels(known, name, item.indicator.value).inc()
        for failure in failures:
            category = self._known("category", failure.category)
            reason = self._known("reason", failure.reason)
            self._failures.labels(known, category, reason).inc()

    def fhir_query(self, reason: str | None, seconds: float) -> None:
        """One request to a FHIR server ended; the reason is None for an answer."""
        outcome = self._known("reason", reason) if reason else ANSWERED
        self._queries.labels(outcome).inc()
        self._query_seconds.observe(seconds)

    def feedback(self, service: str, items: Iterable[Feedback], **unmatched: int) -> None:
        """One feedback call was stored; `unknown` and `repeated` say how many of its items were."""
        known = self._known("service", service)
        for item in items:
            self._feedback.labels(known, self._known("outcome", item.outcome)).inc()
        for why in UNMATCHED:
            self._unmatched.labels(known, why).inc(unmatched[why])

    def logged(self, event: Event, fields: Mapping[str, Any]) -> None:
        """One line was written to the log."""
        self._events.labels(event.value).inc()
        if event is Event.SELF_TEST_FAILED:
            self._self_test.set(len(fields["known_answers"]))

    def exposition(self) -> bytes:
        """All figures, of all workers where there are several, as text for Prometheus."""
        folder = metrics_files.folder()
        if folder is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)

    def _known(self, label: str, value: str) -> str:
        return value if value in self._lists[label] else OTHER

    def _make_counters(self) -> None:
        self._requests = self._counter("requests", "HTTP requests", "endpoint", "service", "status")
        self._items = self._counter(
            "recommendations", "Items shown in cards", "service", "recommendation", "indicator"
        )
        self._failures = self._counter(
            "unread", "Categories that could not be read", "service", "category", "reason"
        )
        self._queries = self._counter("fhir_queries", "Requests to FHIR servers", "outcome")
        self._feedback = self._counter("feedback_items", "Feedback items", "service", "outcome")
        self._unmatched = self._counter(
            "feedback_unmatched", "Items on unknown cards, and repeated ones", "service", "why"
        )
        self._events = self._counter("events", "Log lines by event", "event")

    def _make_measures(self) -> None:
        name, told = "lm_cds_call_seconds", "Seconds from the head of a hook call to its answer"
        self._call_seconds = Histogram(
            name, told, ["service"], buckets=_SECONDS, registry=self._registry
        )
        name, told = "lm_cds_fhir_query_seconds", "Seconds of a request to a FHIR server"
        self._query_seconds = Histogram(name, told, buckets=_SECONDS, registry=self._registry)
        name, told = "lm_cds_self_test_failed", "Known answers that came out differently"
        self._self_test = Gauge(name, told, registry=self._registry, multiprocess_mode="livemax")
        for event in Event:
            self._events.labels(event.value)

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"lm_cds_{name}", told, labels, registry=self._registry)


def closed_lists(services: Mapping[str, Service]) -> dict[str, Collection[str]]:
    """All values that a label may have beside `other`."""
    return {
        "service": frozenset(services),
        "recommendation": {n for s in services.values() for n in s.catalogue.recommendations},
        "category": {n.resource_type for s in services.values() for n in s.needs} | {*REFERENCED},
        "reason": frozenset(REASONS),
        "outcome": frozenset(OUTCOMES),
    }
