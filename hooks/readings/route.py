"""Route of administration, and whether a text names the intrathecal route (3.7)."""

from __future__ import annotations

from enum import StrEnum

from hooks.fhir import CodeableConcept
from hooks.readings.concepts import all_text_of
from hooks.readings.text import normalised, plain_clauses
from hooks.values.codes import best_match, remembering_codes
from hooks.values.lexicon import names, remembering_short, term


class Route(StrEnum):
    """Route of an order; MISSING also stands for codes that do not decide."""

    INTRATHECAL = "intrathecal"
    INTRAVENTRICULAR = "intraventricular"
    OTHER = "not intrathecal"
    MISSING = "missing"

    @property
    def is_intrathecal(self) -> bool:
        """Into the CSF."""
        return self in (Route.INTRATHECAL, Route.INTRAVENTRICULAR)


_BY_CODE = {
    "route-it": Route.INTRATHECAL,
    "route-intraventricular": Route.INTRAVENTRICULAR,
    "route-ambiguous": Route.MISSING,
    "route-iv": Route.OTHER,
    "route-oral": Route.OTHER,
    "route-sc": Route.OTHER,
    "route-im": Route.OTHER,
    "route-other": Route.OTHER,
}


@remembering_codes
def route_of(route: CodeableConcept | None) -> Route:
    """The route by code, else by text; a text that names two routes is intrathecal."""
    coded = next((name for name in _BY_CODE if best_match((name,), route)), None)
    if coded:
        return _BY_CODE[coded]
    text = all_text_of(route)
    if _names_it(text, "route-it"):
        return Route.INTRATHECAL
    return Route.OTHER if names(text, "route-not-intrathecal") else Route.MISSING


@remembering_codes
def is_contradicted(route: CodeableConcept | None) -> bool:
    """Whether a route is coded as another one while its words name the intrathecal route."""
    return route_of(route) is Route.OTHER and _names_it(all_text_of(route), "route-it")


_ANY_CASE = ("order-text-names-intrathecal", "order-text-dose-it")


def _spaced(text: str) -> str:
    """White space collapsed inside each line."""
    return "\n".join(normalised(line) for line in text.splitlines())


def _names_it(text: str, name: str) -> bool:
    without_warnings = term("order-text-negated").sub(" ", _spaced(text))
    return any(
        names(clause, name) and not names(clause, "order-text-names-no-route")
        for clause in plain_clauses(without_warnings)
    )


@remembering_short
def names_intrathecal(text: str) -> bool:
    """Whether one text of an order names the intrathecal route as the route to use.

    Warnings ("not for intrathecal use", "fatal if …") name no route; the abbreviation IT counts
    only in a text with a lower-case letter.
    """
    if any(_names_it(text, name) for name in _ANY_CASE):
        return True
    has_lower_case = any(character.islower() for character in text)
    return has_lower_case and _names_it(text, "order-text-it-abbreviation")
