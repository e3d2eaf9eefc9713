"""The tools around the HAPI server, without one: what is missing is said, ids are changed alike."""

from __future__ import annotations

import socket

import pytest

from tests.charts.fhir_server import fhir_server
from tests.hapi import build, run
from tests.hapi.client import by_url, renamed
from tests.hapi.server import _free_port, answers


def test_without_a_jdk_it_is_said_and_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(run, "answers", lambda _: False)
    assert build.missing_tool() == "JDK"
    assert run.main([]) == 0
    assert "not-run: no JDK" in capsys.readouterr().out


def test_old_jdks_and_missing_maven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(build, "_jdk_version", lambda: 11)
    assert build.missing_tool() == "JDK"
    monkeypatch.setattr(build, "_jdk_version", lambda: 17)
    assert build.missing_tool() == "Maven"


def test_server_that_answers_decides_the_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(run, "answers", lambda _: True)
    monkeypatch.setattr(run, "_tests", lambda *_: 1)
    assert run.main([]) == 1


def test_port_in_use_is_refused() -> None:
    """The server that holds it would answer in place of ours."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(build.CannotBuild, match="in use"):
            _free_port(port)
    assert _free_port(0) > 0


def test_other_servers_are_not_taken_for_hapi() -> None:
    with fhir_server() as other:
        assert not answers(other.base)
    assert not answers("http://127.0.0.1:9/fhir")


def test_renamed() -> None:
    resource = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "contained": [{"resourceType": "Medication", "id": "c"}],
        "subject": {"reference": "Patient/p/_history/3"},
        "medicationReference": {"reference": "#c"},
    }
    assert renamed(resource, "x") == resource | {
        "id": "x-m",
        "subject": {"reference": "Patient/x-p/_history/3"},
    }
    malformed: object = 5
    assert renamed(malformed, "x") == 5  # type: ignore[arg-type, comparison-overlap]


def test_by_url() -> None:
    coding = {"system": "urn:oid:2.16.840.1.113883.6.1", "code": "777-3"}
    observation = {"resourceType": "Observation", "code": {"coding": [coding]}}
    assert by_url(observation)["code"]["coding"][0]["system"] == "http://loinc.org"
    condition = observation | {"resourceType": "Condition"}
    assert by_url(condition) is condition
