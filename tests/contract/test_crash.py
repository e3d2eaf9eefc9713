"""kill -9 of the running service: what it acknowledged is there once; a short drill."""

from __future__ import annotations

from pathlib import Path

from tests.drill import crash


def test_acknowledged_feedback_survives_kill_9(tmp_path: Path) -> None:
    row = crash.drill("SQLite", f"sqlite:///{tmp_path}/lm-cds.sqlite3", tmp_path, kills=4)
    assert row[1:4] == ("3", "1", "0")
    assert int(row[4]) > 4
    assert row[-2:] == ("0", "0")
