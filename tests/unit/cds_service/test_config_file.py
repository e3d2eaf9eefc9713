"""The configuration file: what it holds, and messages that name file and place, never a value."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds_service import client_auth
from cds_service.clients import ALGORITHMS, ANYONE, DEFAULT_ALGORITHMS, MEANINGS, Client
from cds_service.config import SETTINGS, SettingError, Settings, clients_table
from tests.clients import OWN, key_file

DOCS = Path(__file__).parents[3] / "docs"
SECRET = "s3cret-value"
ONE = {"name": "ehr", "issuer": "https://ehr.example", "keys": "keys.json"}


def written(folder: Path, content: Any) -> Path:
    path = folder / "lm-cds.yaml"
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, **environ: str) -> Settings:
    values = {f"LM_CDS_{name}": value for name, value in environ.items()}
    return Settings.from_env({"LM_CDS_CONFIG_FILE": str(path), **values})


def complaint(path: Path, **environ: str) -> str:
    with pytest.raises(SettingError) as caught:
        read(path, **environ)
    told = str(caught.value)
    assert SECRET not in told
    return told.removeprefix(f"LM_CDS_CONFIG_FILE: {path}")


def with_client(folder: Path, **changes: Any) -> Path:
    entry = {name: value for name, value in (ONE | changes).items() if value is not None}
    return written(folder, {"clients": [entry]})


def test_the_file_holds_settings_by_their_small_names(tmp_path: Path) -> None:
    settings = read(
        written(
            tmp_path,
            {
                "profile": "sandbox",
                "fhir_servers": ["https://a.example/r4/", "http://b.example"],
                "deadline_ms": 700,
                "now": "2026-11-21T12:00:00Z",
                "page_size": None,
            },
        )
    )
    assert settings.sandbox
    assert settings.fhir_servers == ("https://a.example/r4", "http://b.example")
    assert (settings.deadline_ms, settings.page_size, settings.clients) == (700, None, ())
    assert settings.now is not None


def test_json_is_read_too(tmp_path: Path) -> None:
    assert read(written(tmp_path, json.dumps({"deadline_ms": 700}))).deadline_ms == 700


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, {"deadline_ms": 700, "max_pages": 5})
    settings = read(path, DEADLINE_MS="800", MAX_PAGES=" ")
    assert (settings.deadline_ms, settings.max_pages) == (800, 5)


def test_paths_count_from_the_folder_of_the_file(tmp_path: Path) -> None:
    settings = read(written(tmp_path, {"sign_off_file": "signed.yaml"}))
    assert settings.sign_off_file == str(tmp_path / "signed.yaml")
    absolute = read(written(tmp_path, {"sign_off_file": "/etc/signed.yaml"}))
    assert absolute.sign_off_file == "/etc/signed.yaml"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (f"deadline_ms: {SECRET}", ", deadline_ms: a whole number from 50 to 60000"),
        (f"deadline_ms: [{SECRET}]", ", deadline_ms: a whole number from 50 to 60000"),
        ("deadline_ms: true", ", deadline_ms: a whole number from 50 to 60000"),
        (f"deadline_ms: {{a: {SECRET}}}", ", deadline_ms: a text, a number or a list"),
        (f"database_url: mysql://u:{SECRET}@db/x", ", database_url: sqlite:///<file> or"),
        (f"database_url: *{SECRET}", ", line 1, column 15: found undefined alias"),
        ("deadline: 1500", ", deadline: there is no such setting; did you mean deadline_ms?"),
        ("config_file: x", ", config_file: there is no such setting"),
        ("LM_CDS_DEADLINE_MS: 1500", ", LM_CDS_DEADLINE_MS: there is no such setting"),
        ("1: x", ", 1: there is no such setting"),
        ("- a", ": names of settings and their values are expected"),
        ("", ": names of settings and their values are expected"),
        ("a: b: c", ", line 1, column 5: mapping values are not allowed"),
        ("max_pages: 1\nmax_pages: 2", ", line 2, column 1: the member max_pages is repeated"),
        ("now: 2026-11-21T12:00:00Z", ", now: the clock can be fixed in the sandbox profile only"),
        ("public_url: http://x.example", ", public_url: https is required in the production"),
        ("clients: {a: b}", ", clients: expected `array`, got `object`"),
        ("clients: x", ", clients: expected `array`, got `str`"),
        ("clients: [x]", ", clients[0]: expected `object`, got `str`"),
    ],
)
def test_what_cannot_be_used_is_named_by_file_and_place(
    tmp_path: Path, content: str, told: str
) -> None:
    assert complaint(written(tmp_path, content)).startswith(told)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "absent.yaml"
    assert complaint(path).startswith(": cannot be read (No such file or directory)")


def test_a_problem_of_the_environment_names_its_variable(tmp_path: Path) -> None:
    path = written(tmp_path, {"deadline_ms": 700})
    assert complaint(path, DEADLINE_MS="soon").startswith("LM_CDS_DEADLINE_MS: a whole number")
    assert complaint(path, PUBLIC_URL="x").startswith("LM_CDS_PUBLIC_URL: an absolute")


def test_a_client_needs_little(tmp_path: Path) -> None:
    assert read(with_client(tmp_path)).clients == (
        Client(name="ehr", issuer="https://ehr.example", keys=str(tmp_path / "keys.json")),
    )
    assert read(with_client(tmp_path)).clients[0].algorithms == DEFAULT_ALGORITHMS


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": None}, "clients[0]: object missing required field `name`"),
        ({"issuer": None}, "clients[0]: object missing required field `issuer`"),
        ({"keys": None}, "clients[0]: object missing required field `keys`"),
        ({"colour": SECRET}, "clients[0]: object contains unknown field `colour`"),
        ({"name": "Big Hospital"}, "clients[0].name: expected `str` matching regex"),
        ({"name": ""}, "clients[0].name: expected `str` matching regex"),
        ({"issuer": ""}, "clients[0].issuer: expected `str` of length >= 1"),
        ({"issuer": [SECRET]}, "clients[0].issuer: expected `str`, got `array`"),
        ({"keys": "http://ehr.example/jwks"}, "clients[0].keys: an https URL or the path"),
        ({"keys": f"https://u:{SECRET}@ehr.example"}, "clients[0].keys: an https URL or the path"),
        ({"keys": "file:///etc/keys.json"}, "clients[0].keys: an https URL or the path"),
        ({"algorithms": ["none"]}, "clients[0].algorithms[0]: one of ES256"),
        ({"algorithms": ["ES384", "HS256"]}, "clients[0].algorithms[1]: one of ES256"),
        ({"algorithms": "ES384"}, "clients[0].algorithms: expected `array`, got `str`"),
        ({"audiences": ["cds.example"]}, "clients[0].audiences[0]: an absolute http(s) URL"),
        ({"audiences": ["http://cds.example"]}, "clients[0].audiences[0]: https is required"),
        ({"fhir_servers": ["https://f.example", "x"]}, "clients[0].fhir_servers[1]: an absolute"),
        ({"services": ["lm-oder-sign"]}, "clients[0].services[0]: one of lm-"),
        ({"deadline_ms": 4501}, "clients[0].deadline_ms: expected `int` <= 4500"),
        ({"deadline_ms": 49}, "clients[0].deadline_ms: expected `int` >= 50"),
        ({"deadline_ms": "soon"}, "clients[0].deadline_ms: expected `int | null`, got `str`"),
        ({"max_token_lifetime_s": 3601}, "clients[0].max_token_lifetime_s: expected `int` <= 3600"),
        ({"complete_prefetch": {"Patient": ["p"]}}, "clients[0].complete_prefetch: resource types"),
        ({"complete_prefetch": {"Coverage": ["c"]}}, "clients[0].complete_prefetch: resource"),
        ({"complete_prefetch": {"Device": []}}, "clients[0].complete_prefetch.Device: at least"),
        ({"complete_prefetch": ["Device"]}, "clients[0].complete_prefetch: expected `object`"),
        ({"tenants": "north"}, "clients[0].tenants: expected `array`, got `str`"),
    ],
)
def test_a_wrong_client_is_named_by_its_place(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    assert complaint(with_client(tmp_path, **changes)).removeprefix(", ").startswith(told)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ({"issuer": "https://b.example"}, "clients[1].name: is that of clients[0] too"),
        ({"name": "b"}, "clients[1].issuer: is that of clients[0] too; both need tenants"),
        ({"name": "b", "tenants": ["t2"]}, "clients[1].issuer: is that of clients[0] too"),
    ],
)
def test_contradictions_between_clients(tmp_path: Path, second: dict[str, Any], told: str) -> None:
    path = written(tmp_path, {"clients": [ONE, ONE | second]})
    assert complaint(path).removeprefix(", ").startswith(told)
    same = written(tmp_path, {"clients": [ONE | {"tenants": ["t2"]}, ONE | second]})
    if second.get("tenants"):
        assert complaint(same).removeprefix(", ").startswith(told)


def test_two_tenants_of_one_issuer(tmp_path: Path) -> None:
    both = [ONE | {"tenants": ["t1"]}, ONE | {"name": "b", "tenants": ["t2"]}]
    assert len(read(written(tmp_path, {"clients": both})).clients) == 2


def test_the_sandbox_may_have_plain_http_servers(tmp_path: Path) -> None:
    path = with_client(tmp_path, fhir_servers=["http://127.0.0.1:8080/fhir/"])
    assert read(path, PROFILE="sandbox").clients[0].fhir_servers == ("http://127.0.0.1:8080/fhir",)


def test_no_symmetric_algorithm_exists_here() -> None:
    assert not [name for name in ALGORITHMS if name.lower() == "none" or name.startswith("HS")]


def test_the_command_line_is_nobody_in_particular() -> None:
    assert (ANYONE.name, ANYONE.fhir_servers, ANYONE.services, ANYONE.deadline_ms) == (
        "", None, None, None,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["lm-cds.yaml", "public-sandbox.yaml"])
def test_the_example_files_are_loaded(name: str) -> None:
    settings = read(DOCS / "samples" / name)
    assert settings.clients
    client_auth.required(settings)


def test_the_example_shows_what_it_can() -> None:
    text = (DOCS / "samples" / "lm-cds.yaml").read_text(encoding="utf-8")
    assert [name for name in MEANINGS if f" {name}:" not in text] == []


def test_every_member_of_a_client_is_documented() -> None:
    assert set(MEANINGS) == {field.name for field in fields(Client)}
    told = (DOCS / "settings.md").read_text(encoding="utf-8")
    table = re.findall(r"<!-- clients:begin -->\n(.*?)\n<!-- clients:end -->", told, re.DOTALL)
    assert table == [clients_table()]


def test_every_setting_may_stand_in_the_file(tmp_path: Path) -> None:
    names = [each.field for each in SETTINGS if each.name != "CONFIG_FILE"]
    assert read(written(tmp_path, dict.fromkeys(names))) == read(written(tmp_path, "{}"))


def test_a_key_file_beside_the_configuration_is_found(tmp_path: Path) -> None:
    key_file(tmp_path, OWN)
    client_auth.required(read(with_client(tmp_path), PUBLIC_URL="https://cds.example"))
