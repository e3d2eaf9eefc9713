"""Production starts only with a clinician's sign-off of the running content."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from cds_service import create_app, sign_off
from cds_service.config import SettingError, Settings
from cds_service.edge import edge_of
from hooks import CONTENT_VERSION
from hooks.site import Site
from tests import clients
from tests.live import signed_off

ROOT = Path(__file__).parents[3]
GOOD = {
    "content_version": CONTENT_VERSION,
    "person": "Test Person",
    "role": "neuro-oncologist",
    "date": "2026-11-21",
}


def settings(folder: Path, file: Path | None, profile: str = "production") -> Settings:
    environ = {
        "LM_CDS_PROFILE": profile,
        "LM_CDS_DATABASE_URL": f"sqlite:///{folder}/lm-cds.sqlite3",
        "LM_CDS_SIGN_OFF_FILE": str(file or ""),
    }
    return Settings.from_env(environ)


def written(folder: Path, content: str) -> Path:
    file = folder / "sign-off"
    file.write_text(content, encoding="utf-8")
    return file


def test_production_starts_with_a_sign_off(tmp_path: Path) -> None:
    configured = Settings.from_env(clients.production(tmp_path))
    found = sign_off.required(configured)
    assert found is not None
    assert found.sentence == "Signed off by Test Person (neuro-oncologist) on 2026-11-21."
    edge_of(create_app(configured)).close()


def test_production_does_not_start_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as caught:
        create_app(settings(tmp_path, None))
    assert str(caught.value) == (
        "LM_CDS_SIGN_OFF_FILE: production needs a clinician's sign-off of content version "
        f"{CONTENT_VERSION}, but it is not set; see docs/operate.md"
    )


def test_production_does_not_start_with_the_sign_off_of_another_version(tmp_path: Path) -> None:
    file = signed_off(tmp_path, "2026.1.0+sha256.000000000000")
    with pytest.raises(SettingError, match="the file signs off another content version"):
        create_app(settings(tmp_path, file))


def test_the_sandbox_is_not_signed_off_without_a_file_or_with_another_version(
    tmp_path: Path,
) -> None:
    other = signed_off(tmp_path, "2025.1.0")
    assert sign_off.required(settings(tmp_path, None, "sandbox")) is None
    assert sign_off.required(settings(tmp_path, other, "sandbox")) is None


def test_json_is_read_too(tmp_path: Path) -> None:
    file = written(tmp_path, json.dumps(GOOD))
    assert sign_off.read(file) == sign_off.SignOff(**GOOD)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "cannot be read as YAML or JSON"),
        ("- a\n", "exactly content_version, person, role, date are expected"),
        (json.dumps({**GOOD, "note": "x"}), "exactly content_version"),
        (json.dumps({name: GOOD[name] for name in ("person", "date")}), "exactly content_version"),
        (json.dumps(GOOD | {"person": " "}), "person is empty"),
        (json.dumps(GOOD | {"role": None}), "role is empty"),
        (json.dumps(GOOD | {"date": "20261121"}), "the date in the file is not YYYY-MM-DD"),
        (json.dumps(GOOD | {"date": "21.11.2026"}), "the date in the file is not YYYY-MM-DD"),
    ],
)
@pytest.mark.parametrize("profile", ["production", "sandbox"])
def test_an_unusable_file_stops_the_start(
    tmp_path: Path, profile: str, content: str, complaint: str
) -> None:
    with pytest.raises(SettingError, match=complaint):
        create_app(settings(tmp_path, written(tmp_path, content), profile))


def test_a_file_that_is_not_there_stops_the_start_without_its_name(tmp_path: Path) -> None:
    with pytest.raises(SettingError) as caught:
        sign_off.required(settings(tmp_path, tmp_path / "absent"))
    assert "absent" not in str(caught.value)


def test_the_server_ends_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LM_CDS_")}
    environ["LM_CDS_DATABASE_URL"] = f"sqlite:///{tmp_path}/lm-cds.sqlite3"
    command = [sys.executable, "-m", "gunicorn", "-c", "cds_service/gunicorn_conf.py"]
    done = subprocess.run(
        [*command, "--bind", "127.0.0.1:0"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("lm-cds: LM_CDS_SIGN_OFF_FILE: production needs")
    assert done.stderr.count("\n") == 1


def test_a_site_file_is_part_of_what_is_signed_off(tmp_path: Path) -> None:
    own = dataclasses.replace(
        settings(tmp_path, written(tmp_path, json.dumps(GOOD))),
        site_file=Site(version="0123456789ab"),
    )
    with pytest.raises(SettingError, match="another content version"):
        sign_off.required(own)
    told = sign_off.template(own, "Test Person", "pharmacist", date(2026, 11, 21))
    renewed = dataclasses.replace(own, sign_off_file=str(written(tmp_path, told)))
    assert sign_off.required(renewed) is not None
