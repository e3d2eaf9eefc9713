"""Draft orders and requests as drug orders: drug, route, text, dose, plan (data elements, 3.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hooks.fhir import Dosage, Medication, MedicationRequest
from hooks.readings.concepts import notes_of, text_of
from hooks.readings.dates import Moment, first_moment, moment
from hooks.readings.dosing import Dose, is_daily, read_dose
from hooks.readings.medication import Drug, Product, drug_of, has_code, product_of
from hooks.readings.route import Route, is_contradicted, names_intrathecal, route_of
from hooks.readings.text import joined, normalised, plain_clauses, says
from hooks.values.codes import in_set
from hooks.values.lexicon import names, term


class Access(StrEnum):
    """Where the drug enters the CSF; not stated is checked as lumbar."""

    RESERVOIR = "reservoir"
    LUMBAR = "lumbar"
    NOT_STATED = "not stated"


class Formulation(StrEnum):
    """Preservative of the ordered product and diluent."""

    PRESERVED = "preserved"
    PRESERVATIVE_FREE = "preservative-free"
    NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One dosage instruction of an order, with the texts of the order that belong to it.

    `route` is MISSING also where the order text contradicts a coded non-intrathecal route;
    `named` says that a text names the intrathecal route; `planned` is the planned time.
    """

    dosage: Dosage
    route: Route
    named: bool
    access: Access
    dose: Dose
    volume: float | None
    daily: bool
    formulation: Formulation
    planned: Moment | None

    @property
    def is_intrathecal(self) -> bool:
        """By route or by text, never by inference: what counts between orders."""
        return self.route.is_intrathecal or (self.route is Route.MISSING and self.named)


@dataclass(frozen=True, slots=True)
class DrugOrder:
    """A MedicationRequest as an order of one drug; `damaged` if a part of it cannot be read."""

    label: str
    request: MedicationRequest
    product: Product
    drug: Drug
    instructions: tuple[Instruction, ...]
    names_methotrexate: bool
    oral_product: bool
    another_patient: bool = False
    damaged: bool = False

    @property
    def intrathecal(self) -> tuple[Instruction, ...]:
        """The instructions that are intrathecal by route or by text."""
        return tuple(i for i in self.instructions if i.is_intrathecal)

    @property
    def is_intrathecal_methotrexate(self) -> bool:
        """What other orders are compared with."""
        return self.drug is Drug.METHOTREXATE and bool(self.intrathecal)


def _texts(dosage: Dosage, request: MedicationRequest) -> tuple[str, ...]:
    """The texts in which an order may name its route, each read by itself."""
    own = (dosage.text, dosage.patient_instruction, text_of(dosage.site))
    extra = (text_of(concept) for concept in dosage.additional_instruction or ())
    notes = (note.text for note in request.note or ())
    return tuple(text for text in (*own, *extra, *notes) if text)


def _leads_into_csf(dosage: Dosage) -> bool:
    """A coded reservoir as the site, or a coded route whose own words say intrathecal."""
    return in_set("access-ommaya", dosage.site) or is_contradicted(dosage.route)


def _route(drug: Drug, dosage: Dosage, named: bool) -> Route:
    """A text that names the intrathecal route overrides a vinca's route and blurs any other."""
    route = route_of(dosage.route)
    if not named or route.is_intrathecal:
        return route
    return Route.INTRATHECAL if drug.is_vinca else Route.MISSING


def _access(dosage: Dosage, route: Route) -> Access:
    """A code decides; a text that names lumbar beside a reservoir is checked as lumbar."""
    if route is Route.INTRAVENTRICULAR or in_set("access-ommaya", dosage.site):
        return Access.RESERVOIR
    text = joined((text_of(dosage.site), text_of(dosage.route), dosage.text))
    if says(text, "access-lumbar"):
        return Access.LUMBAR
    return Access.RESERVOIR if says(text, "access-ommaya") else Access.NOT_STATED


def _volume(texts: Iterable[str]) -> float | None:
    for text in texts:
        match = term("order-volume").search(normalised(text))
        if match:
            return next(float(group) for group in match.groups() if group)
    return None


def _stated(line: str) -> str:
    """A line without what it asks or supposes."""
    return "; ".join(term("form-asked").sub("", clause) for clause in plain_clauses(line))


def formulation_in_text(text: str) -> Formulation:
    """What product or order texts say about the preservative; preserved wins."""
    told = " ".join(map(_stated, text.splitlines()))
    rest = term("form-negated").sub(" ", told)
    without_free = term("form-pf").sub(" ", rest)
    if names(without_free, "form-preserved"):
        return Formulation.PRESERVED
    if names(rest, "form-pf"):
        return Formulation.PRESERVATIVE_FREE
    return Formulation.NOT_STATED


def _formulation(product: Product, dosage: Dosage, request: MedicationRequest) -> Formulation:
    extra = (text_of(concept) for concept in dosage.additional_instruction or ())
    text = joined((product.all_text, dosage.text, *extra, notes_of(request.note)))
    stated = formulation_in_text(text)
    by_ingredient = names(product.ingredient_text, "form-preserved-ingredient")
    if has_code(product, "form-preserved") or by_ingredient:
        return Formulation.PRESERVED
    if stated is Formulation.NOT_STATED and has_code(product, "form-pf"):
        return Formulation.PRESERVATIVE_FREE
    return stated


def _planned(dosage: Dosage, otherwise: Moment | None) -> Moment | None:
    timing = dosage.timing
    if timing is None:
        return otherwise
    event = moment(timing.event[0]) if timing.event else None
    bounds = timing.repeat.bounds_period if timing.repeat else None
    return first_moment(event, moment(bounds.start) if bounds else None, otherwise)


def _instruction(
    drug: Drug,
    product: Product,
    dosage: Dosage,
    request: MedicationRequest,
    otherwise: Moment | None,
) -> Instruction:
    texts = _texts(dosage, request)
    named = _leads_into_csf(dosage) or any(names_intrathecal(text) for text in texts)
    route = _route(drug, dosage, named)
    return Instruction(
        dosage=dosage,
        route=route,
        named=named,
        access=_access(dosage, route),
        dose=read_dose(dosage),
        volume=_volume((dosage.text or "", notes_of(request.note))),
        daily=is_daily(dosage),
        formulation=_formulation(product, dosage, request),
        planned=_planned(dosage, otherwise),
    )


def _is_oral(product: Product, request: MedicationRequest) -> bool:
    """A product that cannot be given into the CSF, or an oral order."""
    if has_code(product, "methotrexate-not-injectable-into-csf"):
        return True
    dosages = request.dosage_instruction or ()
    if any(in_set("route-oral", dosage.route) for dosage in dosages):
        return True
    instructions = joined(dosage.text for dosage in dosages)
    return names(product.all_text, "dose-form-oral") or names(instructions, "text-tablet")


def read_order(
    request: MedicationRequest,
    medications: Mapping[str, Medication],
    otherwise: Moment | None,
    label: str,
) -> DrugOrder:
    """A MedicationRequest as an order; `otherwise` is the planned time when it states none.

    An order without dosage instruction is read as one empty instruction.
    """
    product = product_of(request, medications)
    drug = drug_of(product)
    dosages = request.dosage_instruction or (Dosage(),)
    every_text = joined(text for dosage in dosages for text in _texts(dosage, request))
    return DrugOrder(
        label=label,
        request=request,
        product=product,
        drug=drug,
        instructions=tuple(_instruction(drug, product, d, request, otherwise) for d in dosages),
        names_methotrexate=names(every_text, "drug-methotrexate"),
        oral_product=_is_oral(product, request),
    )


def time_of_call(now: datetime) -> Moment:
    """The planned time of a draft order that states none."""
    return Moment(now.date(), now)


def _identifiers(request: MedicationRequest) -> frozenset[tuple[str, str]]:
    """Identifiers that identify: with system and value."""
    return frozenset((i.system, i.value) for i in request.identifier or () if i.system and i.value)


def _refers_to(request: MedicationRequest, other: MedicationRequest) -> bool:
    if not other.id:
        return False
    links = (request.prior_prescription, *(request.based_on or ()), *(request.replaces or ()))
    targets = (link.reference or "" for link in links if link)
    paths = (target.split("/_history/")[0] for target in targets)
    return any(path.split("/")[-2:] == ["MedicationRequest", other.id] for path in paths)


def is_same_order(one: MedicationRequest, other: MedicationRequest) -> bool:
    """The same order seen twice: same id, a shared identifier, or one replaces the other."""
    if one.id and one.id == other.id:
        return True
    if _identifiers(one) & _identifiers(other):
        return True
    return _refers_to(one, other) or _refers_to(other, one)
