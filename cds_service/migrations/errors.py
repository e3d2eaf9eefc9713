"""Why a database cannot be used as it is; the class names stand in the log."""

from __future__ import annotations


class SchemaOutdated(Exception):
    """The tables are not those of this release: `lm-cds migrate` has not been run."""


class SchemaUnknown(Exception):
    """A newer release has migrated the database."""
