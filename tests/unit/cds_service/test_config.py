"""Settings: defaults, types, and messages that name the variable and never the value."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cds_service.config import SETTINGS, SettingError, Settings, load, settings_table

ROOT = Path(__file__).parents[3]
TABLE = re.compile(r"<!-- settings:begin -->\n(.*?)\n<!-- settings:end -->", re.DOTALL)


def read(**values: str) -> Settings:
    return Settings.from_env({f"LM_CDS_{name}": value for name, value in values.items()})


def test_defaults_are_those_of_production() -> None:
    settings = read()
    assert (settings.profile, settings.sandbox) == ("production", False)
    assert settings.deadline_ms == 1500
    assert settings.max_body_bytes == 64 * 1024 * 1024
    assert settings.max_answer_bytes == 16 * 1024 * 1024
    assert settings.max_pages == 200
    assert settings.database_url == "sqlite:///var/lm-cds.sqlite3"
    assert settings.fhir_servers == ()
    assert settings.page_size is settings.public_url is settings.now is None


def test_sandbox_keeps_its_database_in_the_same_place() -> None:
    assert read(PROFILE="sandbox").database_url == read().database_url


def test_servers_are_separated_by_commas_or_spaces() -> None:
    settings = read(
        FHIR_SERVERS=" https://a.example/r4/, https://b.example:8443/fhir\nhttps://c.example "
    )
    assert settings.fhir_servers == (
        "https://a.example/r4",
        "https://b.example:8443/fhir",
        "https://c.example",
    )


def test_time_is_fixed_in_utc() -> None:
    settings = read(PROFILE="sandbox", NOW="2026-11-21T13:00:00+01:00")
    assert settings.now == datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_blank_means_default() -> None:
    assert read(DEADLINE_MS=" ").deadline_ms == 1500


def test_other_variables_are_not_ours() -> None:
    assert Settings.from_env({"PATH": "/bin", "LM_CDSX": "1"}) == read()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROFILE", "Sandbox!"),
        ("FHIR_SERVERS", "fhir.example/r4"),
        ("FHIR_SERVERS", "https://user:secret@fhir.example/r4"),
        ("FHIR_SERVERS", "https://fhir.example/r4?x=1"),
        ("FHIR_SERVERS", "https://fhir.example/r4#top"),
        ("FHIR_SERVERS", "https://fhir.example:99999/r4"),
        ("FHIR_SERVERS", "https://[::1/r4"),
        ("FHIR_SERVERS", "http://fhir.example/r4"),
        ("FHIR_SERVERS", "ftp://fhir.example/r4"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "mysql://root:secret@db/x"),
        ("DEADLINE_MS", "49"),
        ("DEADLINE_MS", "60001"),
        ("DEADLINE_MS", "1.5"),
        ("DEADLINE_MS", "-1500"),
        ("DEADLINE_MS", "१५००"),
        ("MAX_BODY_BYTES", "0"),
        ("MAX_ANSWER_BYTES", "many"),
        ("MAX_PAGES", "0"),
        ("PAGE_SIZE", "0"),
        ("PUBLIC_URL", "/cds"),
        ("PUBLIC_URL", "http://cds.example"),
        ("NOW", "2026-11-21T12:00:00Z"),
        ("DEADLINE", "1500"),
        ("fhir_servers", "https://fhir.example/r4"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(name: str, value: str) -> None:
    with pytest.raises(SettingError) as caught:
        read(**{name: value})
    assert str(caught.value).startswith(f"LM_CDS_{name}: ")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["2026-11-21", "2026-11-21T12:00:00", "tomorrow", "0001-01-01T00:00:00+23:00"]
)
def test_the_fixed_time_needs_a_zone(value: str) -> None:
    with pytest.raises(SettingError, match="LM_CDS_NOW: a time with zone"):
        read(PROFILE="sandbox", NOW=value)


def test_a_misspelt_name_gets_a_hint() -> None:
    with pytest.raises(SettingError, match="did you mean LM_CDS_DEADLINE_MS"):
        read(DEADLINE_SM="1500")


@pytest.mark.parametrize(("value", "expected"), [("50", 50), ("60000", 60000)])
def test_deadline_boundaries(value: str, expected: int) -> None:
    assert read(DEADLINE_MS=value).deadline_ms == expected


def test_sandbox_allows_http_and_a_fixed_clock() -> None:
    settings = read(
        PROFILE="sandbox", FHIR_SERVERS="http://127.0.0.1:8080/fhir", NOW="2026-01-15T00:00:00Z"
    )
    assert settings.fhir_servers == ("http://127.0.0.1:8080/fhir",)
    assert settings.now is not None


def test_postgresql_uses_the_driver_that_we_ship() -> None:
    url = read(DATABASE_URL="postgresql://cds@db/cds").database_url
    assert url == "postgresql+psycopg://cds@db/cds"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        read().deadline_ms = 1  # type: ignore[misc]


def test_every_member_has_its_variable() -> None:
    others = {"clients"}
    assert {field.name for field in fields(Settings)} - others == {s.field for s in SETTINGS}


def test_this_process_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LM_CDS_MAX_PAGES", "7")
    assert load().max_pages == 7


def test_the_documentation_shows_every_setting() -> None:
    documents = [path for path in (ROOT / "README.md", ROOT / "docs/settings.md") if path.exists()]
    tables = [table for path in documents for table in TABLE.findall(path.read_text("utf-8"))]
    assert tables, "a document with the markers settings:begin and settings:end is expected"
    assert all(table == settings_table() for table in tables)
