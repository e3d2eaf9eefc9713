"""Which drug an order, request or administration is about (data elements, 3.7, order.drug)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from hooks.fhir import CodeableConcept, JsonObject, Medication, Reference, contained
from hooks.readings.concepts import CONDITION_CUES, all_text_of, how_matched, text_of
from hooks.readings.text import clauses, joined, unnegated
from hooks.values.codes import (
    OWN_VALUE_SETS,
    codings,
    display_in,
    in_set,
    normalised,
    remembering_codes,
    value_set,
)
from hooks.values.lexicon import names


class Medicated(Protocol):
    """MedicationRequest and MedicationAdministration as far as the drug is concerned."""

    @property
    def medication_codeable_concept(self) -> CodeableConcept | None:
        """The drug as a concept."""

    @property
    def medication_reference(self) -> Reference | None:
        """The drug as a reference."""

    @property
    def contained(self) -> tuple[JsonObject, ...] | None:
        """Contained resources."""


class Drug(StrEnum):
    """The drugs that order-sign rules are about."""

    METHOTREXATE = "methotrexate"
    VINCRISTINE = "vincristine"
    VINBLASTINE = "vinblastine"
    VINORELBINE = "vinorelbine"
    VINCA = "vinca alkaloid"
    OTHER = "other"
    UNREADABLE = "unreadable"

    @property
    def is_vinca(self) -> bool:
        """Whether it is a vinca alkaloid."""
        return self not in (Drug.METHOTREXATE, Drug.OTHER, Drug.UNREADABLE)


class Product(msgspec.Struct, frozen=True):
    """The medication of an entry: its concept, a text to fall back on, and its ingredients."""

    concept: CodeableConcept
    ingredients: tuple[CodeableConcept, ...] = ()

    @property
    def text(self) -> str:
        """Text, else first display of the product."""
        return text_of(self.concept)

    @property
    def all_text(self) -> str:
        """Every name of the product, for words that any of them may carry."""
        return all_text_of(self.concept)

    @property
    def ingredient_text(self) -> str:
        """Every name of every ingredient."""
        return joined(map(all_text_of, self.ingredients)) if self.ingredients else ""


def _resolve(entry: Medicated, known: Mapping[str, Medication]) -> Medication | None:
    target = entry.medication_reference.reference if entry.medication_reference else None
    if target and target.startswith("#"):
        return contained(entry.contained, target, Medication)
    return known.get(target or "")


def product_of(entry: Medicated, known: Mapping[str, Medication]) -> Product:
    """The medication of an entry; the display of an unresolved reference serves as its text."""
    stated = entry.medication_codeable_concept
    if stated and (stated.coding or stated.text):
        return Product(stated)
    medication = _resolve(entry, known)
    display = entry.medication_reference.display if entry.medication_reference else None
    if medication is None:
        return Product(CodeableConcept(text=display))
    concept = medication.code or CodeableConcept()
    if not text_of(concept) and display:
        concept = CodeableConcept(concept.coding, display)
    return Product(concept, tuple(_ingredients(medication, entry.contained or ())))


def _ingredients(
    medication: Medication, inner: tuple[JsonObject, ...]
) -> Iterator[CodeableConcept]:
    for ingredient in medication.ingredient or ():
        item = ingredient.item_reference
        if ingredient.item_codeable_concept:
            yield ingredient.item_codeable_concept
        if item and item.display:
            yield CodeableConcept(text=item.display)
        if item and item.reference and item.reference.startswith("#"):
            yield from _contained_code(item.reference[1:], inner)


def _contained_code(own_id: str, inner: tuple[JsonObject, ...]) -> Iterator[CodeableConcept]:
    """The code of a contained Substance or Medication, where it is readable."""
    for raw in inner:
        if raw.get("id") == own_id and "code" in raw:
            try:
                yield msgspec.convert(raw["code"], CodeableConcept)
            except msgspec.ValidationError:
                continue


_BY_CODE = {
    "drug-vincristine": Drug.VINCRISTINE,
    "drug-vinblastine": Drug.VINBLASTINE,
    "drug-vinorelbine": Drug.VINORELBINE,
    "drug-methotrexate": Drug.METHOTREXATE,
}
_BY_NAME = (
    ("vincristine", Drug.VINCRISTINE),
    ("vinblastine", Drug.VINBLASTINE),
    ("vinorelbine", Drug.VINORELBINE),
)


def _coded(*concepts: CodeableConcept | None) -> Drug | None:
    return next((drug for name, drug in _BY_CODE.items() if in_set(name, *concepts)), None)


def _named(text: str) -> Drug | None:
    """A vinca alkaloid before methotrexate."""
    if names(text, "drug-vinca-by-name"):
        lower = text.lower()
        return next((drug for word, drug in _BY_NAME if word in lower), Drug.VINCA)
    return Drug.METHOTREXATE if names(text, "drug-methotrexate") else None


def drug_of(product: Product) -> Drug:
    """The drug of a product: codes, else names, else ingredients (a vinca alkaloid first).

    A product without any name cannot be read unless a code of a public drug terminology, or the
    site, says that it is something else.
    """
    return _drug_of(product) if product.ingredients else _drug_named(product.concept)


@remembering_codes
def _drug_named(concept: CodeableConcept | None) -> Drug:
    return _drug_of(Product(concept or CodeableConcept()))


def _drug_of(product: Product) -> Drug:
    found = _own_drug(product.concept)
    if found:
        return found
    within = {
        drug for item in product.ingredients if (drug := _coded(item) or _named(all_text_of(item)))
    }
    vinca = next((drug for drug in within if drug.is_vinca), None)
    if within:
        return vinca or Drug.METHOTREXATE
    named = product.all_text or product.ingredients
    if named or _has_public_code(product.concept) or _is_mapped(product.concept):
        return Drug.OTHER
    return Drug.UNREADABLE


@remembering_codes
def _own_drug(concept: CodeableConcept | None) -> Drug | None:
    """The drug that the codes of a product name, else any of its names."""
    return _coded(concept) or _named(all_text_of(concept))


def _has_public_code(concept: CodeableConcept) -> bool:
    """Whether a coding is of a terminology in which methotrexate has a code."""
    systems = {system for system, _ in value_set("drug-methotrexate").exact}
    coded = (normalised(coding) for coding in codings(concept))
    return any(system in systems and code for system, code in coded)


_NO_DRUG = ("form-pf", "form-preserved", "methotrexate-not-injectable-into-csf")


def _is_mapped(concept: CodeableConcept) -> bool:
    """Whether the site says which drug a code is; a formulation alone is none."""
    mapped = (c.code for c in codings(concept) if c.system == OWN_VALUE_SETS)
    return any(name not in _NO_DRUG for name in mapped)


def is_drug(product: Product, name: str) -> bool:
    """Whether a product is one of a value set or text term, by code, text or ingredient."""
    if in_set(name, *product.ingredients):
        return True
    return how_matched(name, product.concept, extra=product.ingredient_text) is not None


def drug_name(product: Product, name: str) -> str | None:
    """The drug of a value set and text term that a product is, by the word of that term."""
    coded = display_in(name, product.concept, *product.ingredients)
    texts = coded or joined((product.text, product.ingredient_text))
    named = (m for part in clauses(texts) for m in unnegated(part, name, CONDITION_CUES))
    return next((match.group().lower() for match in named), None)


def has_code(product: Product, name: str) -> bool:
    """Whether a product carries a code of a value set."""
    return in_set(name, product.concept)
