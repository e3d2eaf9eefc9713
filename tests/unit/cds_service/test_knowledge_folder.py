"""Recommendations of a site: which files are refused and why, and what a good one does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.config import SettingError, Settings
from cds_service.edge import edge_of
from cds_service.knowledge_folder import KnowledgeError, read_knowledge
from hooks import CONTENT_VERSION, NOTHING_ADDED, SERVICES, Additions, Site
from tests.charts.build import chart
from tests.charts.request import request
from tests.deck import REPOSITORY
from tests.live import settings
from tests.unit.cds_service.site_facts import FACTS

SAMPLES = REPOSITORY / "docs" / "samples" / "knowledge"
CHART, ORDER = "discuss-established-lm", "second-signature-reservoir"


def samples() -> Additions:
    return read_knowledge(SAMPLES, SERVICES.values())


def content(hook: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = dict(samples().by_hook[hook][name])
    return found


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return create_app(settings(tmp_path, KNOWLEDGE_FOLDER=SAMPLES)).test_client()


def asked(client: FlaskClient, hook: str, **facts: Any) -> dict[str, dict[str, Any]]:
    """The cards of a call by topic."""
    service = next(each for each in SERVICES.values() if each.hook == hook)
    body = request(chart(FACTS | facts), hook, "prefetch")
    cards = client.post(f"/cds-services/{service.id}", json=body).get_json()["cards"]
    return {card["source"]["topic"]["code"]: card for card in cards}


def told(client: FlaskClient, facts: dict[str, Any]) -> str:
    """What became of the recommendation at chart open."""
    body = request(chart(FACTS | facts), "patient-view", "prefetch")
    found = client.post("/sandbox/explain/lm-patient-view", json=body).get_json()
    (own,) = (each for each in found["recommendations"] if each["id"] == CHART)
    return str(own["outcome"])


def written(folder: Path, changed: Any, name: str = CHART, hook: str = "patient-view") -> Path:
    """A folder with one recommendation, and that as it is given."""
    (folder / hook).mkdir(parents=True, exist_ok=True)
    text = changed if isinstance(changed, str) else yaml.safe_dump(changed, allow_unicode=True)
    (folder / hook / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_without_a_folder_nothing_is_added() -> None:
    read = Settings.from_env({})
    assert (read.knowledge_folder, read.site) == (NOTHING_ADDED, read.site_file)


def test_an_empty_folder_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / "order-sign").mkdir()
    (tmp_path / ".git").mkdir()
    assert read_knowledge(tmp_path, SERVICES.values()) == NOTHING_ADDED


# --- what it does -------------------------------------------------------------------------------


def test_it_is_shown_after_ours(client: FlaskClient) -> None:
    services = edge_of(client.application).services
    for service_id, name in (("lm-patient-view", CHART), ("lm-order-sign", ORDER)):
        names = list(services[service_id].catalogue.recommendations)
        assert names == [*SERVICES[service_id].catalogue.recommendations, name]


def test_a_card_at_order_signing_links_to_its_page(client: FlaskClient) -> None:
    card = asked(client, "order-sign")[ORDER]
    assert (card["indicator"], card["summary"]) == (
        "warning",
        "Intrathecal methotrexate needs a second signature in this hospital.",
    )
    assert card["source"]["url"].endswith(f"/recommendations/{ORDER}")
    page = client.get(f"/recommendations/{ORDER}")
    assert (page.status_code, "second signature" in page.get_data(as_text=True)) == (200, True)
    order = {"drug": "methotrexate", "route": "IV", "dose": 15, "unit": "mg"}
    assert ORDER not in asked(client, "order-sign", order=order)


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({}, "applies"),
        ({"age": 18}, "applies"),
        ({"age": 17}, "does not apply"),
        ({"age": None}, "cannot tell"),
        ({"lm_dx": None}, "cannot tell"),
    ],
)
def test_facts_decide_three_valued(
    client: FlaskClient, facts: dict[str, Any], outcome: str
) -> None:
    assert told(client, facts) == outcome
    shown = json.dumps(list(asked(client, "patient-view", **facts).values()))
    assert ("conference" in shown) is (outcome == "applies")


def test_it_is_in_the_catalogue_and_counted(client: FlaskClient) -> None:
    entries = client.get("/catalogue.json").get_json()["recommendations"]
    hooks = {entry["id"]: entry["hook"] for entry in entries}
    assert (hooks[CHART], hooks[ORDER]) == ("patient-view", "order-sign")
    asked(client, "order-sign")
    counted = edge_of(client.application).metrics.exposition().decode()
    assert f'recommendation="{ORDER}",service="lm-order-sign"' in counted


def test_facts_of_which_any_is_enough(tmp_path: Path) -> None:
    changed = content("patient-view", CHART)
    changed["applies_when"] = {"all": ["lm_established"], "any": ["melanoma", "breast_cancer"]}
    folder = written(tmp_path, changed)
    with_any = create_app(settings(tmp_path, KNOWLEDGE_FOLDER=folder)).test_client()
    lung = [{"site": "lung", "metastatic": True}]
    outcomes = [told(with_any, {}), told(with_any, {"cancer": lung})]
    assert outcomes == ["applies", "does not apply"]


def test_an_order_is_also_asked_about_its_patient(tmp_path: Path) -> None:
    changed = content("order-sign", ORDER)
    changed["applies_when"] = {"all": ["intrathecal_methotrexate_order", "lm_established"]}
    folder = written(tmp_path, changed, ORDER, "order-sign")
    of_lm = create_app(settings(tmp_path, KNOWLEDGE_FOLDER=folder)).test_client()
    assert ORDER in asked(of_lm, "order-sign")
    assert ORDER not in asked(of_lm, "order-sign", lm_dx=None)


def test_one_hook_alone_is_enough(tmp_path: Path) -> None:
    (tmp_path / "order-sign").mkdir()
    found = read_knowledge(
        written(tmp_path, content("patient-view", CHART), "x" * 60), SERVICES.values()
    )
    assert list(found.by_hook["patient-view"]) == ["x" * 60]
    assert len(found.version) == 12


def test_every_word_changes_the_version(tmp_path: Path) -> None:
    changed = content("patient-view", CHART) | {"title": "Discuss established LM on Wednesdays"}
    versions = {
        read_knowledge(SAMPLES, SERVICES.values()).version,
        read_knowledge(written(tmp_path, changed), SERVICES.values()).version,
        "",
    }
    assert len(versions) == 3


def test_the_version_names_site_file_and_recommendations(client: FlaskClient) -> None:
    version = client.get("/readyz").get_json()["contentVersion"]
    assert version == f"{CONTENT_VERSION}+site.{samples().version}"
    both = Site(version="0123456789ab").adding(samples())
    assert both.version == f"0123456789ab.{samples().version}"


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"title": None}, "$.title: None is not of type 'string'"),
        ({"applies_when": None}, "$.applies_when"),
        ({"applies_when": {"all": ["no_such_fact"]}}, "no fact is called no_such_fact"),
        ({"applies_when": {"all": ["intrathecal_methotrexate_order"]}}, "are not asked for"),
        ({"sources": [{"guideline": "local", "grade": "none"}]}, "no guideline is called local"),
        ({"inputs": ["lm_here"]}, "no fact is called lm_here"),
        ({"unknown_member": "x"}, "Additional properties are not allowed"),
        ({"status": "draft"}, "$.status: what is in the folder is shown"),
        ({"status": "retired"}, "$.status: what is in the folder is shown"),
    ],
)
def test_a_recommendation_that_does_not_fit_is_refused(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    folder = written(tmp_path, content("patient-view", CHART) | change)
    with pytest.raises(KnowledgeError) as problem:
        read_knowledge(folder, SERVICES.values())
    assert str(problem.value).startswith(f"{folder}/patient-view/{CHART}.yaml")
    assert told in str(problem.value)


def test_a_rule_a_placeholder_and_a_second_wording_are_refused(tmp_path: Path) -> None:
    good = content("patient-view", CHART)
    ruled = {**good, "decided_by": "rule"}
    del ruled["applies_when"]
    wording = good["variants"]["conference"]
    filled = {**wording, "summary": "LM since {lm_since}. Register for the conference."}
    reason = {**wording, "why": "LM is established since {lm_since}, as this record tells."}
    for changed, told in (
        (ruled, "applies_when is needed; there is no rule for it"),
        ({**good, "variants": {"conference": filled}}, "nothing would fill a placeholder"),
        ({**good, "variants": {"conference": reason}}, "nothing would fill a placeholder"),
        ({**good, "variants": {"a": wording, "b": wording}}, "keep one"),
    ):
        with pytest.raises(KnowledgeError, match=told):
            read_knowledge(written(tmp_path, changed), SERVICES.values())


@pytest.mark.parametrize("name", ["Upper", "under_score", "double--hyphen", "-", "x" * 61, "ü"])
def test_a_name_that_is_no_id_is_refused(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, content("patient-view", CHART), name)
    with pytest.raises(KnowledgeError, match="the name is the id"):
        read_knowledge(folder, SERVICES.values())


@pytest.mark.parametrize("name", ["repeat-lp", "mtx-shunt"])
def test_ours_cannot_be_replaced(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, content("patient-view", CHART), name)
    with pytest.raises(KnowledgeError, match=f"patient-view/{name}.yaml: the name is taken"):
        read_knowledge(folder, SERVICES.values())


def test_a_name_of_both_hooks_is_refused(tmp_path: Path) -> None:
    written(tmp_path, content("patient-view", CHART), "same")
    folder = written(tmp_path, content("order-sign", ORDER), "same", "order-sign")
    with pytest.raises(KnowledgeError, match="the name is taken"):
        read_knowledge(folder, SERVICES.values())


def test_another_hook_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, content("patient-view", CHART), hook="patient_view")
    with pytest.raises(KnowledgeError, match="no such hook; use patient-view or order-sign"):
        read_knowledge(folder, SERVICES.values())


def test_another_file_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, "")
    (folder / "patient-view" / f"{CHART}.yaml").rename(folder / "patient-view" / "notes.txt")
    with pytest.raises(KnowledgeError, match=r"notes.txt: only files \*.yaml are expected"):
        read_knowledge(folder, SERVICES.values())


def test_no_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="line 1, column 5"):
        read_knowledge(written(tmp_path, "a: ["), SERVICES.values())


def test_a_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "absent"
    with pytest.raises(SettingError) as problem:
        Settings.from_env({"LM_CDS_KNOWLEDGE_FOLDER": str(folder)})
    told = (
        f"LM_CDS_KNOWLEDGE_FOLDER: {folder}: cannot be read (No such file or directory); check it"
    )
    assert str(problem.value) == told
    assert problem.value.__suppress_context__
    (tmp_path / "patient-view").write_text("a file")
    with pytest.raises(KnowledgeError, match="Not a directory"):
        read_knowledge(tmp_path, SERVICES.values())
