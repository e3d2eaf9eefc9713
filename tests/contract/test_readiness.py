"""Readiness: known answers, a writable store, not draining; liveness asks nothing (trust 2.2)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service import drain, self_test
from hooks import CONTENT_VERSION, SERVICES
from tests import conformance
from tests.contract.calls import CHART, ORDER, call
from tests.served import ROOT, Served, served

WRONG = ("lm-order-sign/vincristine-intrathecal",)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(self_test._found, CONTENT_VERSION, WRONG)
    monkeypatch.setattr(conformance, "faults_are_meant", True)


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "_found", {})


def every_known_answer() -> list[tuple[str, Any]]:
    return [found for service in sorted(SERVICES) for found in self_test.known_answers(service)]


def texts(client: FlaskClient) -> list[tuple[str, str | None]]:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    return [(i["details"]["text"], i.get("diagnostics")) for i in answer.json["issue"]]


def test_the_known_answers_cover_every_recommendation() -> None:
    shown = set()
    for _, folder in every_known_answer():
        answer = json.loads(folder.joinpath("response.json").read_bytes())
        for card in answer["cards"]:
            for key, value in card["extension"].items():
                if key.endswith(".recommendations"):
                    shown |= {item["id"] for item in value}
    everything = {n for s in SERVICES.values() for n in s.catalogue.recommendations}
    assert everything - shown == set()


def test_a_wrong_known_answer_is_named_and_no_advice_is_given(
    client: FlaskClient, failing: None
) -> None:
    assert texts(client) == [("A known answer came out differently.", WRONG[0])]
    answer = client.post(f"/cds-services/{CHART}", json=call(CHART))
    assert answer.status_code == 503
    assert "gives no advice" in answer.json["issue"][0]["details"]["text"]
    answer = client.post(f"/cds-services/{ORDER}", json=call(ORDER))
    assert [card["summary"][:11] for card in answer.json["cards"]] == ["NOT checked"]
    assert client.get("/livez").status_code == 200
    assert client.get("/cds-services").status_code == 200


def test_all_problems_are_told_at_once(
    client: FlaskClient, failing: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lm-cds.sqlite3").write_bytes(b"no database" * 1000)
    monkeypatch.setattr(drain, "begun", lambda: True)
    assert [text for text, _ in texts(client)] == [
        "A known answer came out differently.",
        "The store cannot be written to.",
        "The service is being stopped.",
    ]
    assert client.get("/livez").status_code == 200


def test_the_known_answers_are_asked_once(
    client: FlaskClient, unasked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr(self_test, "_different", lambda _edge: iter(WRONG))
    assert client.get("/readyz").status_code == 200
    monkeypatch.setattr(self_test, "_found", {})
    assert client.get("/readyz").status_code == 503


def test_a_service_without_known_answers_is_not_ready(
    client: FlaskClient, unasked: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hook_calls" / CHART).mkdir(parents=True)
    monkeypatch.setattr(self_test, "resources", SimpleNamespace(files=lambda _: tmp_path))
    assert [name for _, name in texts(client)] == [
        f"{ORDER}/no-known-answers",
        f"{CHART}/no-known-answers",
    ]


def test_an_answer_that_cannot_be_made_is_a_wrong_one(
    client: FlaskClient,
    unasked: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("Jane Q Roe")

    monkeypatch.setattr(self_test.answers, "build", broken)
    names = [name for name, _ in every_known_answer()]
    assert [name for _, name in texts(client)] == names
    log = capsys.readouterr().err
    assert "ZeroDivisionError" in log
    assert "Roe" not in log
    failed = [json.loads(line) for line in log.splitlines() if "self-test-failed" in line]
    assert [line["known_answers"] for line in failed] == [names]


def test_drain_is_seen_by_every_process() -> None:
    assert not drain.begun()
    try:
        drain.begin()
        assert drain.begun()
    finally:
        drain._FLAG[0] = 0


@pytest.fixture(scope="module")
def broken_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages with one number of one recommendation changed."""
    copy = tmp_path_factory.mktemp("copy")
    for package in ("cds_service", "hooks", "fhir_fixtures"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, copy / package, ignore=ignore)
    file = copy / "hooks" / "order_sign" / "vinca-intrathecal.yaml"
    text = file.read_text("utf-8")
    assert text.count("critical") >= 1
    file.write_text(text.replace("critical", "info"), "utf-8")
    return copy


def log_events(running: Served, event: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in running.lines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def test_a_broken_recommendation_file_turns_readiness_red(
    broken_copy: Path, tmp_path: Path
) -> None:
    with served(tmp_path, root=broken_copy) as running:
        answer = running.get("/readyz")
        assert answer.status == 503
        named = [issue["diagnostics"] for issue in answer.json["issue"]]
        assert "lm-order-sign/vincristine-intrathecal" in named
        assert all(name.startswith("lm-order-sign/vin") for name in named)
        assert running.get("/livez").status == 200
        assert running.post(f"/cds-services/{CHART}", call(CHART)).status == 503
        cards = running.post(f"/cds-services/{ORDER}", call(ORDER)).json["cards"]
        assert [card["summary"][:11] for card in cards] == ["NOT checked"]
        logged = log_events(running, "self-test-failed")
        assert [line["known_answers"] for line in logged] == [named]
        scraped = running.get("/metrics", port=running.figures).body.decode()
        assert f"lm_cds_self_test_failed {float(len(named))}" in scraped
