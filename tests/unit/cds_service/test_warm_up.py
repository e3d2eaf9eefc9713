"""A worker evaluates each hook once before its first call, and leaves no trace of it."""

from __future__ import annotations

import gc
import sys

import pytest
from flask import Flask

from cds_service.edge import edge_of
from cds_service.warm_up import warm_up


def test_everything_is_loaded_and_frozen(app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        warm_up(app)
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
    assert "fhir.resources.R4B.servicerequest" in sys.modules
    assert edge_of(app).store.feedback() == []
    assert capsys.readouterr().err == ""
