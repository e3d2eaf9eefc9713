"""The catalogue's data: each recommendation in full, each source statement accounted for."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient

from hooks import SERVICES
from hooks.engine.overview import (
    neutral,
    recommendation_entry,
    statement_entries,
    statements,
)
from hooks.engine.recommendation import (
    BadRecommendation,
    Recommendation,
    guidelines,
    literature,
    parse,
)
from hooks.facts.fact import FACTS, question
from hooks.values import yaml_file
from hooks.values.parameters import parameters
from tests import deck
from tests.charts.build import chart
from tests.charts.request import request
from tests.test_examples import EXAMPLES

RULES = {
    name: (recommendation, service)
    for service in SERVICES.values()
    for name, recommendation in service.catalogue.recommendations.items()
}
FILE = deck.REPOSITORY / "hooks" / "order_sign" / "mtx-shunt.yaml"


def test_every_statement_of_the_sources_is_listed() -> None:
    assert list(statements()) == [f"S{number}" for number in range(1, 48)]


@pytest.mark.parametrize("name", statements())
def test_a_statement_has_recommendations_or_the_reason_for_none(name: str) -> None:
    entry = statements()[name]
    assert set(entry["recommendations"]) <= {*RULES}
    assert entry["recommendations"] or entry["reason"].endswith(".")
    assert entry["text"] == (1 if int(name[1:]) <= 13 else 2)


@pytest.mark.parametrize("name", RULES)
def test_a_recommendation_and_the_statements_agree(name: str) -> None:
    carried = {key for key, entry in statements().items() if name in entry["recommendations"]}
    assert set(RULES[name][0].statements) == carried


def test_statements_without_a_rule_are_told_as_such() -> None:
    entries = {entry["id"]: entry for entry in statement_entries(["repeat-lp"])}
    assert entries["S7"]["recommendations"] == ["repeat-lp"]
    assert entries["S9"]["notInThisRelease"][0] == "egfr-osimertinib"
    for name in ("S10", "S12", "S20", "S43", "S44", "S45", "S46"):
        assert not entries[name]["recommendations"]
        assert entries[name]["reason"]
    assert (entries["S10"]["source"], entries["S10"]["grade"]) == ("CNS 2025", "I")
    assert (entries["S12"]["source"], entries["S12"]["grade"]) == (None, None)


def test_placeholders_become_neutral_words() -> None:
    assert neutral("{cancer} with {red_flags}: 5 mL") == "[cancer] with [red flags]: 5 mL"


@pytest.mark.parametrize("name", RULES)
def test_an_entry_is_complete(name: str) -> None:
    recommendation, service = RULES[name]
    entry = recommendation_entry(recommendation, service.hook)
    assert (entry["id"], entry["hook"]) == (name, service.hook)
    assert all(entry[member] for member in ("title", "question", "inputs", "variants", "sources"))
    assert all(given["question"].endswith("?") for given in entry["inputs"])
    assert not any("{" in v["summary"] + v["why"] for v in entry["variants"])
    assert all(source["gradeMeaning"] for source in entry["sources"])


def test_the_members_of_an_entry_are_those_that_readers_know() -> None:
    """The names are published at `/catalogue.json`."""
    recommendation, service = RULES["vinca-intrathecal"]
    content = yaml.safe_load((FILE.parent / "vinca-intrathecal.yaml").read_text(encoding="utf-8"))
    entry = recommendation_entry(recommendation, service.hook)
    assert set(entry) == {
        *("id", "hook", "title", "question", "status", "explanation", "variants", "inputs"),
        *("windows", "sources", "statements", "support", "evidenceNotes", "sourcesDisagree"),
        *("limits", "lastChecked"),
    }
    assert entry["status"] == content["status"]
    assert entry["statements"] == content["statements"]
    assert entry["evidenceNotes"] == content["evidence_notes"]
    assert [given["tag"] for given in entry["support"]] == content["support"]
    assert entry["lastChecked"] == content["last_checked"]
    (variant,) = entry["variants"]
    told = content["variants"]["critical"]
    reasons = yaml_file("override_reasons.yaml")["reasons"]
    assert variant == {
        "name": "critical",
        "indicator": "critical",
        "summary": neutral(told["summary"]),
        "why": neutral(" ".join(told["why"].split())),
        "options": told["options"],
        "overrideReasons": [reasons[each]["display"] for each in told.get("override_reasons", ())],
    }
    source, stated = entry["sources"][0], content["sources"][0]
    guideline = guidelines()[stated["guideline"]]
    assert source == {
        "guideline": stated["guideline"],
        "label": guideline["label"],
        "part": stated.get("part"),
        "citation": guideline["citation"],
        "year": guideline.get("year"),
        "link": guideline.get("link"),
        "grade": None if stated["grade"] == "none" else stated["grade"],
        "gradeMeaning": guideline["grades"][stated["grade"]],
        "note": guideline["note"],
    }


def test_the_members_of_a_number_and_of_a_statement() -> None:
    entry = recommendation_entry(*rule("mtx-interval"))
    number = {window["name"]: window for window in entry["windows"]}["interval_hours"]
    held = parameters()["interval_hours"]
    assert number == {
        "name": "interval_hours",
        "value": 48,
        "unit": "h",
        "shown": "48 hours",
        "meaning": held.meaning,
        "reference": held.reference,
        "lastChecked": held.last_checked,
    }
    statement = {each["id"]: each for each in statement_entries(RULES)}["S24"]
    held_statement = statements()["S24"]
    assert statement == {
        "id": "S24",
        "sourceText": 2,
        "source": statement["source"],
        "grade": None if held_statement["grade"] == "none" else held_statement["grade"],
        "says": held_statement["says"],
        "recommendations": held_statement["recommendations"],
        "notInThisRelease": [],
        "reason": held_statement.get("reason"),
    }


def rule(name: str) -> tuple[Recommendation, str]:
    recommendation, service = RULES[name]
    return recommendation, service.hook


def test_a_window_is_shown_with_its_unit() -> None:
    recommendation, service = RULES["mtx-goals-of-care"]
    entry = recommendation_entry(recommendation, service.hook)
    shown = {window["name"]: window["shown"] for window in entry["windows"]}
    assert shown == {"performance_days": "30 days", "kps_poor": "70", "ecog_poor": "3"}
    assert entry["windows"][1]["reference"] == "treatment summary of the source pathway"
    assert entry["windows"][0]["reference"].startswith("Design decisions")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The facts in the verdicts over the examples of each recommendation's file."""
    client = deck.flask_client(tmp_path_factory.mktemp("inputs"))
    found: dict[str, set[str]] = {name: set() for name in RULES}
    for example in EXAMPLES:
        body = request(chart(example.facts, "mixed"), example.hook, "prefetch")
        for entry in explained(client, example.hook, body):
            if entry["id"] == example.recommendation:
                found[entry["id"]] |= {fact["fact"] for fact in entry["facts"]}
    return found


def explained(client: FlaskClient, hook: str, body: Any) -> Iterator[Any]:
    path = f"/sandbox/explain/{deck.SERVICE_OF[hook]}"
    yield from client.post(path, json=body).get_json()["recommendations"]


@pytest.mark.parametrize("name", RULES)
def test_a_rule_looks_at_nothing_but_its_inputs(name: str, seen: dict[str, set[str]]) -> None:
    asked = seen[name] - {"draft_order"}
    assert asked
    assert asked <= set(RULES[name][0].inputs)


def test_named_facts_are_inputs() -> None:
    for recommendation, _ in RULES.values():
        named = {n for group in (recommendation.applies_when or {}).values() for n in group}
        assert named <= set(recommendation.inputs)


def test_answers_of_rules_do_not_hide_facts() -> None:
    composed = yaml_file("rule_answers.yaml")["questions"]
    assert not set(composed) & set(FACTS)
    assert all(text.endswith("?") for text in composed.values())
    assert question("no_such_fact") is None


def test_every_number_has_one_name() -> None:
    files = ("windows", "limits", "intrathecal_methotrexate_dose")
    names = [name for file in files for name in yaml_file(f"parameters/{file}.yaml")["values"]]
    assert sorted(names) == sorted(parameters())


def test_every_number_says_what_it_means_and_nothing_else() -> None:
    """An unquoted comma would cut a meaning in two."""
    for file in ("windows", "limits", "intrathecal_methotrexate_dose"):
        for name, entry in yaml_file(f"parameters/{file}.yaml")["values"].items():
            assert {"value", "unit", "meaning"} <= set(entry), name
            assert set(entry) <= {"value", "unit", "meaning", "reference"}, name


def test_literature_says_what_was_read() -> None:
    for tag, entry in literature().items():
        assert entry["about"]
        assert entry.get("link", "https://").startswith("https://")
        assert tag.startswith("2:") == ("secondary" in entry["about"])


def spoilt(**changes: Any) -> Recommendation:
    content = copy.deepcopy(yaml.safe_load(FILE.read_text(encoding="utf-8")))
    return parse("mtx-shunt", content | changes)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"inputs": ["csf_shnut"]}, "no fact is called csf_shnut"),
        ({"windows": ["flow_dyas"]}, "no window is called flow_dyas"),
        ({"support": ["Z9"]}, "no literature has the tag Z9"),
        ({"question": "Is there a shunt"}, r"\$.question"),
        (
            {"sources": [{"guideline": "nobody-2020", "grade": "none"}]},
            "no guideline is called nobody-2020",
        ),
        ({"suggestions_by_unknown": {"x": ["nothing"]}}, "no suggestion is called nothing"),
        ({"evidence_notes": ["short"]}, r"\$.evidence_notes"),
    ],
)
def test_a_name_that_nothing_defines_stops_the_start(
    changes: dict[str, Any], complaint: str
) -> None:
    assert spoilt().id == "mtx-shunt"
    with pytest.raises(BadRecommendation, match=complaint):
        spoilt(**changes)


@pytest.mark.parametrize("member", ["question", "inputs", "windows", "evidence_notes"])
def test_the_catalogue_fields_are_required(member: str) -> None:
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    del content[member]
    with pytest.raises(BadRecommendation, match=member):
        parse("mtx-shunt", content)
