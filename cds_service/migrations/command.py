"""The command `lm-cds migrate`, also `python -m cds_service.migrations`."""

from __future__ import annotations

import sys

import click

from cds_service.config import SettingError, load
from cds_service.errors import StoreUnavailable
from cds_service.migrations import HEAD
from cds_service.store import Store


@click.command()
def migrate() -> None:
    """Bring the tables of LM_CDS_DATABASE_URL up to date; safe to repeat, and to run twice at once.

    Run it before the first start on PostgreSQL and before each start of a new release. The role
    of the URL must own the tables.
    """
    try:
        store = Store(load().database_url)
        store.migrate()
        store.close()
    except SettingError as problem:
        sys.exit(f"lm-cds: {problem}")
    except StoreUnavailable as failure:
        sys.exit(f"lm-cds: the database was not changed ({type(failure.__cause__).__name__})")
    click.echo(f"lm-cds: the database is at revision {HEAD}")
