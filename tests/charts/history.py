"""Earlier, parallel and planned drugs: intrathecal history, other orders, nitrous oxide."""

from __future__ import annotations

from typing import Any

from tests.charts.orders import given, order_identifier, ordered
from tests.charts.vocabulary import JsonObject
from tests.charts.writer import Writer


def planned_hours(facts: dict[str, Any]) -> float:
    """Hours from the call to the planned time of the (first) order."""
    orders = facts.get("draft_orders") or [facts.get("order") or {}]
    return float(orders[0].get("planned_h") or 0)


def it_history(writer: Writer, entries: list[Any], planned: float) -> None:
    """Intrathecal methotrexate given: [hours before the planned time, mg or null]."""
    for hours, mg in entries:
        moment = writer.hours(planned - hours)
        dated: JsonObject = writer.pick(
            ({"effectiveDateTime": moment}, {"effectivePeriod": {"start": moment}})
        )
        given(writer, "methotrexate", writer.pick(("IT", "intraventricular")), mg, **dated)


def it_orders_active(writer: Writer, entries: list[Any], planned: float) -> None:
    """Other active orders: [hours from the planned time, mg] or {hours, mg, same, intent}.

    `same` marks one order seen twice: by `id`, `identifier`, `basedOn` or `priorPrescription`.
    """
    for entry in entries:
        parts = entry if isinstance(entry, dict) else {"hours": entry[0], "mg": entry[1]}
        order = {
            "route": "IT",
            "dose": parts["mg"],
            "unit": "mg",
            "planned_h": planned + parts["hours"],
        }
        extra = {"intent": parts.get("intent", "order")} | _same(parts.get("same"))
        ordered(writer, "methotrexate", order, **extra)


def _same(link: str | None) -> JsonObject:
    """What makes an order on the server the same as the first draft."""
    reference = {"reference": "MedicationRequest/draft-1"}
    links: dict[str | None, JsonObject] = {
        None: {},
        "id": {"id": "draft-1"},
        "identifier": {"identifier": [order_identifier(1)]},
        "basedOn": {"basedOn": [reference]},
        "priorPrescription": {"priorPrescription": reference},
    }
    return links[link]


def same_day_methotrexate(writer: Writer, value: object, planned: float) -> None:
    """Intrathecal methotrexate ordered or given on the planned day (`order`, `given`, true)."""
    if not value:
        return
    kind = value if isinstance(value, str) else writer.pick(("order", "given"))
    if kind == "order":
        order = {"route": "IT", "dose": 12, "unit": "mg", "planned_h": planned}
        ordered(writer, "methotrexate", order)
    else:
        given(writer, "methotrexate", "IT", 12, effectiveDateTime=writer.hours(planned))


def vinca_same_day(writer: Writer, value: object, planned: float) -> None:
    """An intravenous vinca alkaloid ordered for the planned day."""
    if value:
        drug = writer.pick(("vincristine", "vinblastine", "vinorelbine"))
        order = {"route": "IV", "dose": 2, "unit": "mg", "planned_h": planned}
        ordered(writer, drug, order)


def systemic_methotrexate(writer: Writer, value: Any) -> None:
    """Methotrexate given by another route: days ago, or true (3 days)."""
    if value is not None and value is not False:
        days = 3 if value is True else value
        given(
            writer,
            "methotrexate",
            writer.pick(("IV", "IM")),
            500,
            effectiveDateTime=writer.moment(days),
        )


def nitrous_oxide(writer: Writer, value: object) -> None:
    """Nitrous oxide planned, as medication or as a remark of a request."""
    if not value:
        return
    if writer.pick((True, False)):
        ordered(writer, "nitrous_oxide")
    else:
        note = [{"text": "Sedation with nitrous oxide"}]
        writer.add(
            "ServiceRequest",
            status="active",
            intent="order",
            code={"text": "Procedural sedation"},
            note=note,
        )


def emetogenic(writer: Writer, days: float | None) -> None:
    """Emetogenic chemotherapy given this many days ago."""
    if days is not None:
        given(writer, "cisplatin", "IV", 100, effectiveDateTime=writer.moment(days))


def anticoagulant(writer: Writer, value: object) -> None:
    """An antithrombotic drug that is not held; false = held, `flush` = only a line flush."""
    if value == "flush":
        ordered(writer, "heparin_flush")
    elif value:
        ordered(writer, "anticoagulant")
    elif value is False:
        ordered(writer, "anticoagulant", status="on-hold")


SYSTEMIC_DRUGS = (
    "alectinib",
    "osimertinib",
    "lorlatinib",
    "tucatinib",
    "trastuzumab_deruxtecan",
    "dabrafenib",
)
"""Drugs that count as treatment of leptomeningeal metastasis by any route."""


def lm_treatment(writer: Writer, value: object) -> None:
    """Treatment of leptomeningeal metastasis: true, one of the systemic drugs, `intrathecal`."""
    if not value:
        return
    if value == "intrathecal":
        ordered(writer, "cytarabine", {"route": "IT", "dose": 50, "unit": "mg"})
    elif value is True:
        ordered(writer, writer.pick(SYSTEMIC_DRUGS[:2]))
    elif value in SYSTEMIC_DRUGS:
        ordered(writer, str(value))
    else:
        raise KeyError(f"unknown treatment: {value}")
