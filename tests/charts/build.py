"""Facts of a clinical case -> FHIR R4 chart.

The facts are those of the shared vocabulary: a key that is absent or null is unknown, `days` are
days before the call, hours are counted from the planned time of the order. A key that is not in
the vocabulary is an error, so that a typing mistake never becomes a silent "unknown".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.charts import (
    conditions,
    csf,
    findings,
    history,
    imaging,
    orders,
    person,
    raw,
    space,
    status,
)
from tests.charts.vocabulary import JsonObject
from tests.charts.writer import STYLES, Writer

__all__ = ["NOW", "STYLES", "Chart", "chart"]

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
"""Time of the call in charts that do not choose their own."""


@dataclass(frozen=True)
class Chart:
    """What a FHIR server holds about one patient, and the draft orders of the call."""

    resources: list[JsonObject]
    draft_orders: JsonObject | None
    patient_id: str
    now: datetime


_Write = Callable[[Writer, Any], None]
_SIMPLE: dict[str, _Write] = {
    "age": person.age,
    "cancer": person.cancers,
    "symptoms": findings.symptoms,
    "csf": csf.samples,
    "mri": imaging.studies,
    "labs": status.labs,
    "kps": lambda w, v: status.score(w, "kps", v),
    "ecog": lambda w, v: status.score(w, "ecog", v),
    "life_expectancy_days": status.life_expectancy,
    "hospice": conditions.hospice,
    "orders": status.requests,
    "shunt": space.shunt,
    "hydrocephalus": conditions.hydrocephalus,
    "flow": space.flow,
    "rt": space.radiotherapy,
    "systemic_mtx_7d": history.systemic_methotrexate,
    "nitrous_planned": history.nitrous_oxide,
    "meds": orders.interactions,
    "allergy_mtx": orders.allergy,
    "dialysis": orders.dialysis,
    "cns_or_device_infection": conditions.infection,
    "leukoencephalopathy": lambda w, v: conditions.yes_no(w, "leukoencephalopathy", v),
    "third_space": lambda w, v: conditions.yes_no(w, "third_space", v),
    "focal_symptomatic_lesion": lambda w, v: conditions.yes_no(w, "focal_symptomatic_lesion", v),
    "nonmalignant_indication": conditions.nonmalignant_indication,
    "on_lm_treatment": history.lm_treatment,
    "last_scorecard_days": status.scorecard,
    "emetogenic_chemo_days": history.emetogenic,
    "raw": raw.resources,
}
_TIMED: dict[str, Callable[[Writer, Any, float], None]] = {
    "it_history": history.it_history,
    "it_orders_active": history.it_orders_active,
    "it_order_same_day": history.same_day_methotrexate,
    "vinca_same_day": history.vinca_same_day,
}
_OTHER = {"draft_raw", "lm_dx", "refuted_days", "order", "draft_orders", "anticoagulant_not_held"}
_EMPTY_WHEN_NULL = {"age"}


def chart(
    facts: dict[str, Any], style: str = "mixed", now: datetime = NOW, patient_id: str = "pt-1"
) -> Chart:
    """The chart of a case. Raises KeyError for a key or value outside the vocabulary."""
    unknown = set(facts) - set(_SIMPLE) - set(_TIMED) - _OTHER
    if unknown:
        raise KeyError(f"unknown facts: {sorted(unknown)}")
    writer = Writer(now, style, patient_id)
    _write_simple(writer, {"age": None} | facts)
    person.lm_diagnosis(writer, facts.get("lm_dx"), facts.get("refuted_days"))
    history.anticoagulant(writer, facts.get("anticoagulant_not_held"))
    for name, write in _TIMED.items():
        if facts.get(name):
            write(writer, facts[name], history.planned_hours(facts))
    return Chart(writer.resources, _drafts(writer, facts), patient_id, now)


def _write_simple(writer: Writer, facts: dict[str, Any]) -> None:
    """Every fact that stands for itself; null = unknown = nothing in the chart."""
    for name, write in _SIMPLE.items():
        if name in facts and (facts[name] is not None or name in _EMPTY_WHEN_NULL):
            write(writer, facts[name])


def _drafts(writer: Writer, facts: dict[str, Any]) -> JsonObject | None:
    """`draft_orders`, or `order` as the only draft; None for a case without an order."""
    if facts.get("draft_raw"):
        return raw.draft_bundle(writer, facts["draft_raw"])
    listed = facts.get("draft_orders") or ([facts["order"]] if facts.get("order") else [])
    return orders.draft_bundle(writer, listed) if listed else None
