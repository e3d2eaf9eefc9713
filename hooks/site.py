"""What one site adds to our knowledge: its own codes, and what it declares about its practice.

A site is a frozen value that the settings hold. It reaches queries and the version through the
service (`Service.at`), and readings and facts through the record (`at_site`), so nothing here is
global: the cached value sets stay ours alone, and a record without a site means what it meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from hooks.answer import Evidence
from hooks.fhir import JsonObject

DECLARED = "declaration"
"""How evidence was recognised that rests on a declaration of the site."""


class Statement(StrEnum):
    """What a site may declare; the value is the name in its file."""

    PRESERVATIVE_FREE = "intrathecal_methotrexate_preservative_free"
    SHUNT_LISTED = "shunt_always_on_problem_list"

    @property
    def words(self) -> str:
        """The statement as a label of evidence."""
        return _WORDS[self]


_WORDS = {
    Statement.PRESERVATIVE_FREE: "site declares: intrathecal methotrexate is preservative-free",
    Statement.SHUNT_LISTED: "site declares: a shunt is always on the problem list",
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declaration: what, by whom (name or role), and the day from which it holds."""

    statement: Statement
    by: str
    on: date

    @property
    def evidence(self) -> Evidence:
        """The declaration as evidence."""
        reference = f"{DECLARED}/{self.statement.value}"
        return Evidence(reference, self.statement.words, f"by {self.by}", self.on, DECLARED)


@dataclass(frozen=True, slots=True)
class Additions:
    """The content of a site's own recommendations by hook and id, and what identifies it."""

    by_hook: Mapping[str, Mapping[str, JsonObject]] = field(default_factory=dict)
    version: str = ""


NOTHING_ADDED = Additions()
"""No recommendation beside our own."""


@dataclass(frozen=True, slots=True)
class Site:
    """The codes of a site by normalised system and code, each with the value sets it adds to.

    `recommendations` holds the content of its own ones by hook and id. `version` identifies the
    content of the site file and of its recommendations; empty where there is neither.
    """

    codes: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    declarations: tuple[Declaration, ...] = ()
    version: str = ""
    recommendations: Mapping[str, Mapping[str, JsonObject]] = field(default_factory=dict)

    def adding(self, added: Additions) -> Site:
        """The same site with these recommendations."""
        if not added.version:
            return self
        version = ".".join(filter(None, (self.version, added.version)))
        return replace(self, recommendations=added.by_hook, version=version)

    def declared(self, statement: Statement, today: date) -> Declaration | None:
        """The declaration of a statement, from its day on."""
        held = (d for d in self.declarations if d.statement is statement and d.on <= today)
        return next(held, None)


NO_SITE = Site()
"""No code and no declaration beside our own."""
