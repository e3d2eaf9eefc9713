"""The command `lm-cds`: stored feedback, and the explanation of one chart."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

import fhir_fixtures
from cds_service.cli import main
from cds_service.config import Settings
from tests.contract.calls import CHART, SUSPECT, call, chart_server
from tests.tools import write_catalogue

TODAY = "2026-01-15T12:00:00Z"
PATIENTS = Path(fhir_fixtures.__file__).parent / "patients"
INTERVAL = "dose-47-hours-after"
TWO_PATIENTS = [{"resource": {"resourceType": "Patient", "id": each}} for each in ("a", "b")]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "LM_CDS_PROFILE": "sandbox",
        "LM_CDS_NOW": TODAY,
        "LM_CDS_DATABASE_URL": f"sqlite:///{tmp_path}/lm-cds.sqlite3",
    }


def run(environ: dict[str, str], *arguments: Any) -> Result:
    return CliRunner(env=environ).invoke(main, [str(each) for each in arguments])


def explain(environ: dict[str, str], *arguments: Any) -> dict[str, Any]:
    result = run(environ, "explain", *arguments, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def outcomes(answer: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {each["id"]: (each["outcome"], each["indicator"]) for each in answer["recommendations"]}


def test_a_bundle_is_the_complete_chart(environ: dict[str, str]) -> None:
    answer = explain(
        environ, "--hook", "patient-view", "--bundle", PATIENTS / SUSPECT / "bundle.json"
    )
    assert answer["failures"] == []
    assert outcomes(answer)["suspected-lm"] == ("applies", "warning")


def test_draft_orders_from_a_file_of_their_own(environ: dict[str, str]) -> None:
    folder = PATIENTS / INTERVAL
    answer = explain(
        environ,
        *("--hook", "order-sign"),
        *("--bundle", folder / "bundle.json", "--orders", folder / "draft_orders.json"),
    )
    assert outcomes(answer)["mtx-interval"] == ("applies", "critical")


def test_draft_orders_are_found_in_the_bundle(environ: dict[str, str], tmp_path: Path) -> None:
    bundle = copy.deepcopy(fhir_fixtures.load(INTERVAL))
    orders = fhir_fixtures.draft_orders(INTERVAL)
    assert orders is not None
    file = tmp_path / "all.json"
    file.write_text(json.dumps(bundle | {"entry": bundle["entry"] + orders["entry"]}))
    alone = explain(environ, "--hook", "order-sign", "--bundle", file)
    assert outcomes(alone)["mtx-interval"] == ("applies", "critical")


def test_the_text_says_outcome_facts_evidence_and_gaps(environ: dict[str, str]) -> None:
    bundle = PATIENTS / SUSPECT / "bundle.json"
    text = run(environ, "explain", "--hook", "patient-view", "--bundle", bundle).stdout
    assert "suspected-lm: APPLIES (warning)" in text
    assert "repeat-lp: CANNOT TELL" in text
    assert "missing: a CSF cytology result" in text
    assert "diplopia" in text
    assert f"Condition/{SUSPECT}-condition-" in text


def test_a_server_is_read_as_an_ehr_would_offer_it(environ: dict[str, str], tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("canary-token-4711\n")
    environ["LM_CDS_NOW"] = "2026-11-21T12:00:00Z"
    with chart_server(SUSPECT) as server:
        answer = explain(
            environ,
            *("--hook", "patient-view", "--server", server.base, "--patient", SUSPECT),
            *("--token-file", token),
        )
        sent = {request.headers.get("Authorization") for request in server.requests}
    assert sent == {"Bearer canary-token-4711"}
    assert answer["failures"] == []
    assert outcomes(answer)["suspected-lm"] == ("applies", "warning")


def test_what_could_not_be_read_comes_first(environ: dict[str, str]) -> None:
    server = "http://127.0.0.1:9/fhir"
    result = run(environ, "explain", "--hook", "patient-view", "--server", server, "--patient", "x")
    assert result.exit_code == 0
    assert result.stdout.startswith("COULD NOT READ Condition: connection\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ('{"a": 1, "a": 2}', "not JSON"),
        ("[]", "a FHIR Bundle is expected"),
        ('{"resourceType": "Bundle", "entry": 5}', "entry is not a list"),
        ('{"resourceType": "Bundle"}', "exactly one Patient"),
        ('{"resourceType": "Condition", "id": "c"}', "exactly one Patient"),
        (json.dumps({"resourceType": "Bundle", "entry": TWO_PATIENTS}), "exactly one Patient"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained(
    environ: dict[str, str], tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "chart.json"
    file.write_text(content)
    result = run(environ, "explain", "--hook", "patient-view", "--bundle", file)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output


def test_signing_needs_an_order(environ: dict[str, str]) -> None:
    bundle = PATIENTS / SUSPECT / "bundle.json"
    result = run(environ, "explain", "--hook", "order-sign", "--bundle", bundle)
    assert (result.exit_code, "no draft order" in result.output) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--server", "http://127.0.0.1/fhir"], ["--patient", "x"]],
    ids=str,
)
def test_the_chart_must_come_from_somewhere(environ: dict[str, str], arguments: list[str]) -> None:
    result = run(environ, "explain", "--hook", "patient-view", *arguments)
    assert result.exit_code == 2
    assert "--bundle FILE" in result.output


def test_a_wrong_setting_is_named(environ: dict[str, str]) -> None:
    environ["LM_CDS_DEADLINE"] = "5"
    for arguments in (
        ["feedback"],
        ["explain", "--hook", "patient-view", "--server", "http://x", "--patient", "x"],
    ):
        result = run(environ, *arguments)
        assert (result.exit_code, "LM_CDS_DEADLINE" in result.output) == (1, True)


def test_feedback_is_printed(settings: Settings, client: FlaskClient) -> None:
    answer = client.post(f"/cds-services/{CHART}", json=call(CHART, SUSPECT)).get_json()
    items = [
        {
            "card": card,
            "outcome": "overridden",
            "outcomeTimestamp": "2026-11-21T11:00:00Z",
            "overrideReason": {
                "reason": {"code": "not-relevant", "system": "s"},
                "userComment": "free text",
            },
        }
        for card in (answer["cards"][0]["uuid"], "unknown")
    ]
    client.post(f"/cds-services/{CHART}/feedback", json={"feedback": items})
    environ = {"LM_CDS_DATABASE_URL": settings.database_url}
    rows = json.loads(run(environ, "feedback", "--json").stdout)
    assert sorted(row["known"] for row in rows) == [False, True]
    assert all(row["overrideReasons"] == [{"system": "s", "code": "not-relevant"}] for row in rows)
    text = run(environ, "feedback").stdout
    assert "suspected-lm (warning); reasons: not-relevant" in text
    assert "card not on record" in text
    assert "free text" not in text
    assert "comment: free text" in run(environ, "feedback", "--comments").stdout


def test_feedback_of_a_store_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run({"LM_CDS_DATABASE_URL": f"sqlite:///{tmp_path}/file/x.sqlite3"}, "feedback")
    assert (result.exit_code, result.output) == (1, "lm-cds: the feedback store cannot be read\n")


def test_the_catalogue_is_printed(environ: dict[str, str]) -> None:
    text = run(environ, "catalogue").stdout
    assert text == write_catalogue.catalogue()
    told = json.loads(run(environ, "catalogue", "--json").stdout)
    assert told["signOff"]["signedOff"] is False


def test_the_catalogue_is_printed_without_a_sign_off_in_production_too(
    environ: dict[str, str],
) -> None:
    done = run(environ | {"LM_CDS_PROFILE": "production", "LM_CDS_NOW": ""}, "catalogue")
    assert done.exit_code == 0
    broken = run(environ | {"LM_CDS_SIGN_OFF_FILE": "/nowhere"}, "catalogue")
    assert broken.exit_code == 1
    assert "cannot be read" in broken.output


def test_a_sign_off_is_printed_as_the_service_reads_it(
    environ: dict[str, str], tmp_path: Path
) -> None:
    asked = ("--person", "Zoë Tester", "--role", "oncologist", "--date", "2026-11-21")
    file = tmp_path / "sign-off.yaml"
    file.write_text(run(environ, "sign-off", *asked).stdout, encoding="utf-8")
    told = json.loads(
        run(environ | {"LM_CDS_SIGN_OFF_FILE": str(file)}, "catalogue", "--json").stdout
    )
    assert told["signOff"]["text"] == "Signed off by Zoë Tester (oncologist) on 2026-11-21."
    assert run(environ, "sign-off", "--person", "x", "--role", "y").exit_code == 2
