"""CSF specimens: whether one is CSF, its volume, time to processing and fixation (3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hooks.fhir import JsonObject, Reference, Specimen, SpecimenProcessing, contained
from hooks.readings.concepts import notes_of, shifted, text_of, unit_of
from hooks.readings.dates import Moment, first_moment, moment, period_moment
from hooks.readings.text import joined, normalised, says
from hooks.values.codes import in_set
from hooks.values.lexicon import names, term
from hooks.values.parameters import unit_spellings


@dataclass(frozen=True, slots=True)
class Handling:
    """Volume in mL, minutes to processing, and whether fixed; None where not stated."""

    volume: float | None = None
    delay: float | None = None
    fixed: bool | None = None

    def or_else(self, other: Handling) -> Handling:
        """Each value from here, else from the other source."""
        return Handling(
            other.volume if self.volume is None else self.volume,
            other.delay if self.delay is None else self.delay,
            other.fixed if self.fixed is None else self.fixed,
        )


def specimens_of(
    references: tuple[Reference, ...],
    inner: tuple[JsonObject, ...] | None,
    known: Mapping[str, Specimen],
) -> tuple[Specimen, ...]:
    """The specimens that a report or Observation refers to, contained ones included."""
    found = (_resolve(ref.reference or "", inner, known) for ref in references)
    return tuple(specimen for specimen in found if specimen)


def _resolve(
    reference: str, inner: tuple[JsonObject, ...] | None, known: Mapping[str, Specimen]
) -> Specimen | None:
    local = reference.startswith("#")
    return contained(inner, reference, Specimen) if local else known.get(reference)


def is_csf(specimen: Specimen) -> bool | None:
    """Whether the specimen is CSF; None when its type is not stated."""
    if in_set("csf-specimen", specimen.type):
        return True
    text = text_of(specimen.type)
    if not text and not (specimen.type and specimen.type.coding):
        return None
    return names(text, "csf-specimen")


def collected(specimen: Specimen) -> Moment | None:
    """When the specimen was collected."""
    collection = specimen.collection
    if collection is None:
        return None
    return first_moment(
        moment(collection.collected_date_time), period_moment(collection.collected_period)
    )


def handling(specimen: Specimen) -> Handling:
    """What the Specimen resource states about volume, processing and fixation."""
    return Handling(_volume(specimen), _delay(specimen), _fixed(specimen))


def handling_in_text(text: str) -> Handling:
    """What a report text states about volume, processing and fixation."""
    text = normalised(text)
    fixed = True if says(text, "specimen-fixed") else None
    return Handling(_number(text, "specimen-volume"), _number(text, "specimen-delay"), fixed)


def _number(text: str, name: str) -> float | None:
    match = term(name).search(text)
    return next((float(group) for group in match.groups() if group), None) if match else None


def _volume(specimen: Specimen) -> float | None:
    quantity = specimen.collection.quantity if specimen.collection else None
    if quantity is None or unit_of(quantity) not in unit_spellings("millilitre"):
        return None
    return shifted(quantity)


def _delay(specimen: Specimen) -> float | None:
    start = collected(specimen)
    end = first_moment(*map(_processed, specimen.processing or ()), moment(specimen.received_time))
    if not (start and end and start.instant and end.instant):
        return None
    minutes = (end.instant - start.instant).total_seconds() / 60
    return minutes if minutes >= 0 else None


def _processed(step: SpecimenProcessing) -> Moment | None:
    period = moment(step.time_period.start) if step.time_period else None
    when = first_moment(moment(step.time_date_time), period)
    return when if when and when.instant else None


def _fixed(specimen: Specimen) -> bool | None:
    texts = [notes_of(specimen.note)]
    for step in specimen.processing or ():
        texts += [step.description or "", text_of(step.procedure)]
        texts += [additive.display or "" for additive in step.additive or ()]
    texts += [text_of(c.additive_codeable_concept) for c in specimen.container or ()]
    return True if says(joined(texts), "specimen-fixed") else None
