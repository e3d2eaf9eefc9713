"""Run by Alembic for each upgrade, on the connection that `migrations.upgrade` hands over."""

from __future__ import annotations

from alembic import context

from cds_service.store_schema import META

context.configure(connection=context.config.attributes["connection"], target_metadata=META)
with context.begin_transaction():
    context.run_migrations()
