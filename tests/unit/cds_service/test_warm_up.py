"""A worker evaluates each hook once before its first call, and leaves no trace of it."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest
from flask import Flask

from cds_service.edge import edge_of
from cds_service.warm_up import warm_up


def test_everything_is_loaded_and_frozen(
    app: Flask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(tmp_path.iterdir()) == []
    before = gc.get_threshold()
    try:
        warm_up(app)
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] > before[0]
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
    assert tmp_path / "lm-cds.sqlite3" in tmp_path.iterdir()
    assert "fhir.resources.R4B.servicerequest" in sys.modules
    assert edge_of(app).store.feedback() == []
    assert capsys.readouterr().err == ""
