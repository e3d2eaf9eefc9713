"""The site file: what is read, and how a bad one stops the start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.cli import main
from cds_service.config import SettingError, Settings
from cds_service.site_file import SiteFileError, read_site
from hooks import NO_SITE, SERVICES
from tests.charts.build import chart
from tests.charts.request import request
from tests.contract.calls import chart_server
from tests.deck import REPOSITORY
from tests.live import settings
from tests.unit.cds_service.site_facts import FACTS

SAMPLE = REPOSITORY / "docs" / "samples" / "site.yaml"
LOCAL = "https://hospital.example/fhir/CodeSystem/laboratory"
JSON = (
    '{"value_sets": [{"id": "platelets", "compose": {"include": [{"system": "urn:oid:2.999",'
    ' "concept": [{"code": "THR"}]}]}}]}'
)


def written(folder: Path, text: str, name: str = "site.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def client(folder: Path, **changes: Any) -> FlaskClient:
    return create_app(settings(folder, **changes)).test_client()


def test_no_file_is_no_site() -> None:
    assert Settings.from_env({}).site_file == NO_SITE


def test_the_sample_is_read() -> None:
    site = read_site(SAMPLE)
    assert site.codes[LOCAL, "THR"] == ("platelets",)
    assert site.codes["urn:oid:2.999.1.2", "0815"] == ("drug-methotrexate", "form-pf")
    assert [declaration.on.isoformat() for declaration in site.declarations] == [
        "2026-10-01",
        "2026-10-05",
    ]


@pytest.mark.parametrize("text", [JSON, "\ufeff" + JSON, json.dumps(json.loads(JSON), indent=2)])
def test_json_is_read(tmp_path: Path, text: str) -> None:
    site = read_site(written(tmp_path, text, "site.json"))
    assert dict(site.codes) == {("urn:oid:2.999", "THR"): ("platelets",)}


@pytest.mark.parametrize("code", ["0123", "1E5", "12.50", "2026-10-01", "0x1F", "1_000", "777-3"])
def test_a_code_that_looks_like_a_number_stays_as_written(tmp_path: Path, code: str) -> None:
    text = JSON.replace('"THR"', code).replace("platelets", "hospice")
    assert set(read_site(written(tmp_path, text)).codes) == {("urn:oid:2.999", code)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "$: None is not of type 'object'"),
        ("value_sets: [", "line 1, column 14: "),
        ("a: 1\na: 2\n", "line 2, column 1: the member a is repeated; keep one"),
        (JSON.replace('"THR"', "NO"), "concept[0].code: False is not of type 'string'; write text"),
        (JSON.replace('"code"', '"display"'), "concept[0]: 'code' is a required property; add it"),
        (JSON.replace("platelets", "platelet"), "$.value_sets[0].id: there is no value set of"),
        (JSON + "\n---\n" + JSON, "line 2, column 1: "),
        ("? [a]\n: 1\n", "line 1, column 3: "),
        ("value_sets: \x01", "is neither YAML nor JSON"),
    ],
)
def test_a_bad_file_stops_the_start(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingError) as problem:
        Settings.from_env({"LM_CDS_SITE_FILE": str(path)})
    assert str(problem.value).startswith(f"LM_CDS_SITE_FILE: {path}")
    assert told in str(problem.value)
    assert problem.value.__suppress_context__


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SiteFileError, match=r"cannot be read .*; check the path"):
        read_site(tmp_path / "absent.yaml")
    with pytest.raises(SiteFileError, match="cannot be read"):
        read_site(tmp_path)


def test_another_encoding_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_bytes("value_sets: [Ä]".encode("latin-1"))
    with pytest.raises(SiteFileError, match="is not UTF-8; save it as UTF-8"):
        read_site(path)


def test_discovery_publishes_the_queries_of_the_site(tmp_path: Path) -> None:
    answer = client(tmp_path, SITE_FILE=SAMPLE).get("/cds-services").get_json()
    for service in answer["services"]:
        own = {need.key: need.query for need in SERVICES[service["id"]].needs}
        assert f",{LOCAL}|THR&_count=" in service["prefetch"]["labs"]
        assert f",{LOCAL}|CSFCYT&_count=" in service["prefetch"]["codedObservations"]
        others = {key: text for key, text in service["prefetch"].items() if key not in
                  ("labs", "codedObservations")}  # fmt: skip
        assert others == {key: own[key] for key in others}


def test_the_version_is_told_everywhere(tmp_path: Path) -> None:
    here = client(tmp_path, SITE_FILE=SAMPLE)
    version = here.get("/readyz").get_json()["contentVersion"]
    assert version.endswith(f"+site.{read_site(SAMPLE).version}")
    described = here.get("/cds-services").get_json()["services"]
    assert {s["extension"]["org.lm-cds-hooks.content"]["contentVersion"] for s in described} == {
        version
    }
    body = request(chart(FACTS), "order-sign", "prefetch")
    explained = here.post("/sandbox/explain/lm-order-sign", json=body).get_json()
    assert explained["content_version"] == version
    assert version in here.get("/").get_data(as_text=True)


def test_the_server_is_asked_for_the_codes_of_the_site(tmp_path: Path) -> None:
    body = request(chart(FACTS), "order-sign", "server")
    with chart_server("ommaya-clean-order") as server:
        here = client(tmp_path, SITE_FILE=SAMPLE, FHIR_SERVERS=server.base)
        assert here.post(
            "/cds-services/lm-order-sign", json=body | {"fhirServer": server.base}
        ).status_code == 200  # fmt: skip
        assert any(f"{LOCAL}%7CTHR" in asked for asked in paths(server))


def paths(server: Any) -> list[str]:
    return [str(each) for each in server.requests]


def test_the_start_page_shows_a_declaration_as_evidence(tmp_path: Path) -> None:
    here = client(tmp_path, SITE_FILE=SAMPLE)
    body = json.dumps(request(chart(FACTS), "order-sign", "prefetch"))
    page = here.post("/", data={"service": "lm-order-sign", "request": body})
    text = page.get_data(as_text=True)
    assert "site declares: a shunt is always on the problem list" in text
    assert "declaration/shunt_always_on_problem_list" in text


def run_explain(environ: dict[str, str], bundle: Path) -> Any:
    return CliRunner(env=environ).invoke(
        main, ["explain", "--hook", "order-sign", "--bundle", str(bundle)]
    )


def test_the_command_explains_at_the_site(tmp_path: Path) -> None:
    made = chart(FACTS)
    entries = [{"resource": each} for each in made.resources]
    drafts = (made.draft_orders or {})["entry"]
    bundle = written(
        tmp_path, json.dumps({"resourceType": "Bundle", "entry": [*entries, *drafts]}), "b.json"
    )
    told = run_explain({"LM_CDS_SITE_FILE": str(SAMPLE)}, bundle).stdout
    assert "by B. Example, head of neurosurgery, 2026-10-05" in told
    assert "[declaration]" in told
    assert "declaration/" not in run_explain({}, bundle).stdout


def test_the_command_names_a_bad_file(tmp_path: Path) -> None:
    environ = {"LM_CDS_SITE_FILE": str(written(tmp_path, "x: 1"))}
    result = run_explain(environ, written(tmp_path, "{}", "b.json"))
    assert result.exit_code == 1
    assert "lm-cds: LM_CDS_SITE_FILE: " in result.output
    assert "Traceback" not in result.output


def test_the_sample_says_what_it_is() -> None:
    """Every system of the sample is invented, so that nobody takes it for published."""
    document = yaml.safe_load(SAMPLE.read_text(encoding="utf-8"))
    systems = {i["system"] for each in document["value_sets"] for i in each["compose"]["include"]}
    assert all("example" in system or system.startswith("urn:oid:2.999") for system in systems)
