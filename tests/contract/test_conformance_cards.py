"""Rows R (response, card, source, suggestion, link, coding) and T, over every test patient."""

from __future__ import annotations

import html.parser
import json
import re
import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.schemas import validator
from hooks import SERVICES
from tests.contract.calls import CHART, ORDER, call, context

Calls = list[tuple[str, Any, Any]]
RECOMMENDATIONS = {
    name for service in SERVICES.values() for name in service.catalogue.recommendations
}


class Tags(html.parser.HTMLParser):
    """Collects the HTML tags in a text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append(tag)

    handle_endtag = handle_starttag  # type: ignore[assignment]


def test_R_01_success_is_an_object_with_cards(all_calls: Calls) -> None:
    assert all(set(answer) == {"cards"} for _, _, answer in all_calls)
    problems = [
        error.message
        for _, _, answer in all_calls
        for error in validator("response", "response").iter_errors(answer)
    ]
    assert problems == []


def test_R_02_nothing_to_say_is_an_empty_list(client: FlaskClient) -> None:
    nothing: dict[str, Any] = {need.key: None for need in SERVICES[CHART].needs}
    answer = client.post(f"/cds-services/{CHART}", json=call(CHART, prefetch=nothing))
    assert (answer.status_code, answer.json) == (200, {"cards": []})


@pytest.mark.parametrize("service", [CHART, ORDER])
def test_R_03_R_04_an_error_tells_no_patient_data(client: FlaskClient, service: str) -> None:
    body = context(call(service), patientId="marker-4711", draftOrders=None)
    broken = [
        json.dumps(body)[:-2].encode(),
        json.dumps(body | {"hook": "marker-4711"}).encode(),
        json.dumps(body | {"prefetch": None}).encode(),
    ]
    for data in broken:
        answer = client.post(f"/cds-services/{service}", data=data)
        assert answer.status_code in (400, 412)
        assert answer.get_json()["resourceType"] == "OperationOutcome"
        assert b"marker-4711" not in answer.data
        assert b"Traceback" not in answer.data


def test_R_05_no_system_actions(all_calls: Calls) -> None:
    assert "systemActions" not in json.dumps([answer for _, _, answer in all_calls])


def test_R_06_at_most_three_cards_at_chart_open_and_five_at_signing_beside_critical_ones(
    all_calls: Calls,
) -> None:
    for service, _, answer in all_calls:
        limit = {CHART: 3, ORDER: 5}[service]
        critical = sum(card["indicator"] == "critical" for card in answer["cards"])
        assert len(answer["cards"]) <= max(limit, critical + 1)


def test_R_10_R_31_uuids_are_unique_and_new_in_each_answer(
    client: FlaskClient, all_cards: list[Any], all_suggestions: list[Any]
) -> None:
    ids = [each["uuid"] for each in all_cards + all_suggestions]
    assert len(ids) == len(set(ids))
    assert {uuid.UUID(each).version for each in ids} == {4}
    again = [client.post(f"/cds-services/{ORDER}", json=call(ORDER)).json for _ in range(2)]
    first, second = ({card["uuid"] for card in answer["cards"]} for answer in again)  # type: ignore[index]
    assert first.isdisjoint(second)


def test_R_11_summaries_are_one_line_of_at_most_139_characters(all_cards: list[Any]) -> None:
    assert all(0 < len(card["summary"]) <= 139 for card in all_cards)
    assert not any("\n" in card["summary"] or "{" in card["summary"] for card in all_cards)


def test_R_12_details_are_markdown_without_html_and_without_links(all_cards: list[Any]) -> None:
    for card in all_cards:
        tags = Tags()
        tags.feed(card["detail"] + card["summary"])
        assert tags.found == []
        assert not re.search(r"\]\(|https?://|www\.|!\[", card["detail"])


def test_R_13_indicators(all_cards: list[Any]) -> None:
    assert {card["indicator"] for card in all_cards} == {"info", "warning", "critical"}


def test_R_13_the_most_urgent_card_comes_first_at_signing(all_calls: Calls) -> None:
    rank = ["critical", "warning", "info"]
    for service, _, answer in all_calls:
        own = [c for c in answer["cards"] if c["source"]["topic"]["code"] != "lm-guidance"]
        order = [rank.index(card["indicator"]) for card in own]
        if service == ORDER:
            assert order == sorted(order)


def test_R_14_R_20_every_card_names_its_source(all_cards: list[Any]) -> None:
    assert all(card["source"]["label"].strip() for card in all_cards)


def test_R_15_selection_behavior_comes_with_suggestions_only(all_cards: list[Any]) -> None:
    for card in all_cards:
        assert ("suggestions" in card) == ("selectionBehavior" in card)
        assert card.get("selectionBehavior", "any") == "any"


def test_R_16_R_50_override_reasons_are_codings_with_display(all_cards: list[Any]) -> None:
    reasons = [reason for card in all_cards for reason in card.get("overrideReasons", [])]
    assert reasons
    assert all(reason["code"] and reason["system"] and reason["display"] for reason in reasons)


def test_R_16_every_critical_card_offers_override_reasons(all_cards: list[Any]) -> None:
    critical = [card for card in all_cards if card["indicator"] == "critical"]
    assert critical
    assert all(card.get("overrideReasons") for card in critical)


def test_R_17_R_40_R_41_R_42_R_43_links_are_constant_and_absolute(all_calls: Calls) -> None:
    for _, body, answer in all_calls:
        for link in [link for card in answer["cards"] for link in card.get("links", [])]:
            assert set(link) == {"label", "url", "type"}
            assert link["type"] == "absolute"
            assert link["url"].startswith("https://")
            assert body["context"]["patientId"] not in link["url"]


def test_R_21_source_urls_are_static_pages_about_the_topic(all_cards: list[Any]) -> None:
    for card in all_cards:
        topic = card["source"]["topic"]["code"]
        known = topic in RECOMMENDATIONS
        page = f"recommendations/{topic}" if known else "catalogue"
        assert card["source"]["url"] == f"http://localhost/{page}"


def test_R_22_no_icons(all_cards: list[Any]) -> None:
    assert not any("icon" in card["source"] for card in all_cards)


def test_R_23_topics_are_the_recommendation_ids(all_cards: list[Any]) -> None:
    known = RECOMMENDATIONS | {"lm-guidance", "data-incomplete"}
    topics = [card["source"]["topic"] for card in all_cards]
    assert {topic["code"] for topic in topics} <= known
    assert len({topic["system"] for topic in topics}) == 1


def test_R_30_suggestions_have_labels(all_suggestions: list[Any]) -> None:
    assert all(suggestion["label"].strip() for suggestion in all_suggestions)


def test_R_32_no_suggestion_is_preselected(all_suggestions: list[Any]) -> None:
    assert not any(suggestion.get("isRecommended") for suggestion in all_suggestions)


def test_R_33_R_34_R_35_one_described_action_per_suggestion(all_suggestions: list[Any]) -> None:
    for suggestion in all_suggestions:
        (action,) = suggestion["actions"]
        assert action["type"] in ("create", "update", "delete")
        assert action["description"].strip()


def test_R_36_create_and_update_hold_the_whole_resource(all_calls: Calls) -> None:
    seen = set()
    for _, body, answer in all_calls:
        drafts = _drafts(body)
        for action in _actions(answer):
            seen.add(action["type"])
            if action["type"] == "create":
                subject = action["resource"]["subject"]["reference"]
                assert subject == f"Patient/{body['context']['patientId']}"
                assert action["resource"]["resourceType"] != "MedicationRequest"
            if action["type"] == "update":
                resource = action["resource"]
                original = drafts[f"{resource['resourceType']}/{resource['id']}"]
                assert set(original) <= set(resource)
    assert {"create", "delete"} <= seen


def test_R_37_deletes_name_an_entry_of_the_draft_orders(all_calls: Calls) -> None:
    for _, body, answer in all_calls:
        drafts = _drafts(body)
        for action in _actions(answer):
            if action["type"] == "delete":
                assert action["resourceId"] in drafts
                assert "resource" not in action


def test_R_38_no_action_selection_behavior(all_suggestions: list[Any]) -> None:
    assert not any("actionSelectionBehavior" in suggestion for suggestion in all_suggestions)


def test_R_51_R_52_extensions_have_reverse_domain_names(all_cards: list[Any]) -> None:
    for card in all_cards:
        assert set(card["extension"]) == {
            "org.lm-cds-hooks.recommendations",
            "org.lm-cds-hooks.basis",
        }
        assert isinstance(card["extension"]["org.lm-cds-hooks.basis"], dict)


def test_T_01_answers_of_one_hook_do_not_replace_those_of_the_other(client: FlaskClient) -> None:
    services = client.get("/cds-services").get_json()["services"]
    assert len({service["id"] for service in services}) == len(services)


def test_no_text_of_the_record_reaches_a_card(client: FlaskClient) -> None:
    marker = "Zzmarker <img src=x onerror=alert(1)> [x](javascript:1)"
    for service in (CHART, ORDER):
        answer = client.post(f"/cds-services/{service}", json=_marked(call(service), marker))
        shown = answer.get_json()
        assert shown["cards"]
        for action in _actions(shown):
            if action["type"] == "update":
                del action["resource"]  # An update repeats the whole order of the client.
        assert "Zzmarker" not in json.dumps(shown)


def _marked(value: Any, marker: str) -> Any:
    """The same call with a marker in every display text of the record."""
    if isinstance(value, list):
        return [_marked(item, marker) for item in value]
    if not isinstance(value, dict):
        return value
    texts = {"display", "text", "family", "title"}
    return {
        name: f"{member} {marker}"
        if name in texts and isinstance(member, str)
        else _marked(member, marker)
        for name, member in value.items()
    }


def _drafts(body: Any) -> dict[str, Any]:
    entries = body["context"].get("draftOrders", {}).get("entry", [])
    resources = [entry["resource"] for entry in entries]
    return {f"{each['resourceType']}/{each['id']}": each for each in resources}


def _actions(answer: Any) -> list[Any]:
    return [
        action
        for card in answer["cards"]
        for suggestion in card.get("suggestions", [])
        for action in suggestion["actions"]
    ]
