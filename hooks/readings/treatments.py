"""Administrations and standing medication (data elements, sections 3.2, 3.5 and 3.7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from hooks.answer import Evidence
from hooks.fhir import (
    Medication,
    MedicationAdministration,
    MedicationRequest,
    ServiceRequest,
)
from hooks.readings.concepts import CONDITION_CUES, evidence, notes_of, text_of
from hooks.readings.dates import Moment, days_ago, first_moment, moment
from hooks.readings.dosing import NO_DOSE, Dose, read_quantity
from hooks.readings.medication import (
    Drug,
    Medicated,
    Product,
    drug_name,
    drug_of,
    is_drug,
    product_of,
)
from hooks.readings.order import DrugOrder
from hooks.readings.route import Route, route_of
from hooks.readings.text import joined, says
from hooks.values.lexicon import names

INTERACTING = {
    "interacting-nsaid": "NSAID",
    "interacting-ppi": "proton pump inhibitor",
    "interacting-penicillin": "penicillin",
    "interacting-sulfonamide": "sulfonamide",
    "interacting-probenecid": "probenecid",
    "interacting-pemetrexed": "pemetrexed",
}
_GIVEN = frozenset({"completed", "in-progress"})


@dataclass(frozen=True, slots=True)
class Administration:
    """A dose of methotrexate that was given: start, route and dose."""

    start: Moment
    route: Route
    dose: Dose
    source: Evidence


def _start(administration: MedicationAdministration) -> Moment | None:
    period = administration.effective_period
    return first_moment(
        moment(administration.effective_date_time), moment(period.start) if period else None
    )


def _given(
    administrations: Iterable[MedicationAdministration],
) -> Iterator[tuple[MedicationAdministration, Moment]]:
    for administration in administrations:
        start = _start(administration)
        if administration.status in _GIVEN and start:
            yield administration, start


def read_methotrexate_given(
    administrations: Iterable[MedicationAdministration], medications: Mapping[str, Medication]
) -> tuple[Administration, ...]:
    """All methotrexate administrations with a date, whatever their route."""
    found = []
    for administration, start in _given(administrations):
        if drug_of(product_of(administration, medications)) is not Drug.METHOTREXATE:
            continue
        dosage = administration.dosage
        route = route_of(dosage.route) if dosage else Route.MISSING
        dose = read_quantity(dosage.dose) if dosage and dosage.dose else NO_DOSE
        source = evidence(administration, f"methotrexate given, {route.value} route", None, start)
        found.append(Administration(start, route, dose, source))
    return tuple(found)


def names_no_drug(
    requests: Iterable[MedicationRequest],
    administrations: Iterable[MedicationAdministration],
    medications: Mapping[str, Medication],
) -> bool:
    """Whether a standing request or a given dose is of a drug that cannot be read."""
    standing: list[Medicated] = [*_active(requests, _ACTIVE_OR_DRAFT)]
    standing += [a for a in administrations if a.status in _GIVEN]
    return any(drug_of(product_of(entry, medications)) is Drug.UNREADABLE for entry in standing)


def read_emetogenic(
    administrations: Iterable[MedicationAdministration],
    medications: Mapping[str, Medication],
    today: date,
) -> tuple[int, Evidence] | None:
    """Days since the newest emetogenic chemotherapy, with its evidence."""
    found = [
        (days, evidence(administration, "emetogenic chemotherapy", None, start))
        for administration, start in _given(administrations)
        if (days := days_ago(start, today)) is not None
        and is_drug(product_of(administration, medications), "emetogenic-drug")
    ]
    return min(found, key=lambda pair: pair[0], default=None)


def _active(
    requests: Iterable[MedicationRequest], statuses: frozenset[str]
) -> Iterator[MedicationRequest]:
    return (r for r in requests if r.status in statuses and not r.do_not_perform)


_ACTIVE = frozenset({"active"})
_ACTIVE_OR_DRAFT = frozenset({"active", "draft"})


def read_antithrombotics(
    requests: Iterable[MedicationRequest], medications: Mapping[str, Medication]
) -> tuple[Evidence, ...]:
    """Active antithrombotic drugs; a catheter flush or lock is none."""
    found = []
    for request in _active(requests, _ACTIVE):
        product = product_of(request, medications)
        if is_drug(product, "antithrombotic-drug") and not _is_flush(request, product):
            authored = moment(request.authored_on)
            found.append(evidence(request, "antithrombotic drug not held", None, authored))
    return tuple(found)


def _is_flush(request: MedicationRequest, product: Product) -> bool:
    dosages = (dosage.text for dosage in request.dosage_instruction or ())
    return names(joined((product.text, *dosages)), "antithrombotic-not")


def read_interacting(
    requests: Iterable[MedicationRequest], medications: Mapping[str, Medication]
) -> tuple[Evidence, ...]:
    """Active drugs that raise methotrexate toxicity, labelled by class."""
    return tuple(
        evidence(request, label, None, moment(request.authored_on))
        for request in _active(requests, _ACTIVE)
        for product in (product_of(request, medications),)
        for name, label in INTERACTING.items()
        if is_drug(product, name)
    )


def is_asked_about(product: Product) -> bool:
    """Whether some rule asks for orders of a product: methotrexate, a vinca, treatment of LM."""
    if drug_of(product) not in (Drug.OTHER, Drug.UNREADABLE):
        return True
    return is_drug(product, _SYSTEMIC) or is_drug(product, _INTRATHECAL)


def read_lm_treatment(orders: Iterable[DrugOrder]) -> tuple[Evidence, ...]:
    """Active treatment of LM: listed systemic drugs, and drugs by an intrathecal route."""
    found = []
    for order in orders:
        if order.request.status == "active" and not order.request.do_not_perform:
            drug = _lm_drug(order)
            authored = moment(order.request.authored_on)
            found += [evidence(order.request, _LM_TREATMENT, drug, authored)] if drug else []
    return tuple(found)


_LM_TREATMENT = "treatment of LM"


def _lm_drug(order: DrugOrder) -> str | None:
    """The drug in our own words, a class where it has no name; None where it is no treatment."""
    if is_drug(order.product, _SYSTEMIC):
        return drug_name(order.product, _SYSTEMIC) or "systemic drug"
    if not order.intrathecal:
        return None
    if order.drug is Drug.METHOTREXATE:
        return f"intrathecal {order.drug.value}"
    if not is_drug(order.product, _INTRATHECAL):
        return None
    return f"intrathecal {drug_name(order.product, _INTRATHECAL) or 'drug'}"


_SYSTEMIC, _INTRATHECAL = "lm-treatment-systemic", "lm-treatment-intrathecal"


def read_nitrous_oxide(
    drafts: Iterable[MedicationRequest],
    requests: Iterable[MedicationRequest],
    services: Iterable[ServiceRequest],
    medications: Mapping[str, Medication],
) -> Evidence | None:
    """Nitrous oxide in a draft order, an active or draft request, or a planned procedure."""
    for request in (*drafts, *_active(requests, _ACTIVE_OR_DRAFT)):
        if is_drug(product_of(request, medications), "nitrous-oxide"):
            return evidence(request, "nitrous oxide ordered")
    for service in services:
        planned = service.status in _ACTIVE_OR_DRAFT and not service.do_not_perform
        text = joined((text_of(service.code), notes_of(service.note)))
        if planned and says(text, "nitrous-oxide", CONDITION_CUES):
            return evidence(service, "nitrous oxide planned", None, None, "text")
    return None
