"""`python -m cds_service.migrations`: the same as `lm-cds migrate`."""

from __future__ import annotations

from cds_service.migrations.command import migrate

migrate()
