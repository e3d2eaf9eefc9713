"""How severity and layout follow from the facts, for every patient (Hypothesis)."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import deck
from tests.charts.build import chart
from tests.charts.request import request
from tests.charts.search import needs
from tests.charts.strategies import CONTRAINDICATIONS, Facts, order_sign_facts, styles
from tests.properties import RANK, calls, ranks, thorough

LIMIT = {"patient-view": 3, "order-sign": 5}
"""Own cards before the rest is merged into one."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("metamorphic"))


UPPER_MG = {
    "solid": {0: 6, 1: 8, 2: 10, 3: 12, 18: 12.5},
    "heme": {0: 8, 1: 10, 2: 12, 3: 15, 18: 15},
}
"""Upper limit of the dose band by age in years at its start (specification, 4.1)."""


def upper_mg(facts: Facts) -> float:
    """The upper limit of the band that this patient's dose is compared with."""
    classes = {cancer.get("class", "solid") for cancer in facts["cancer"]}
    heme = "heme" in classes and "solid" not in classes
    bands = UPPER_MG["heme" if heme else "solid"]
    age = 18 if facts["age"] is None else facts["age"]
    return bands[max(start for start in bands if start <= age)]


@thorough
@given(facts=order_sign_facts(), style=styles, above=st.floats(0, 12), more=st.floats(0, 500))
def test_raising_the_dose_never_lowers_severity(
    client: FlaskClient, facts: Facts, style: str, above: float, more: float
) -> None:
    """From the upper limit of the band on; below, a higher dose may leave what is too low."""
    low = upper_mg(facts) + above
    small, large = (
        deck.merged(facts, {"order": {"unit": "mg", "dose": dose}}) for dose in (low, low + more)
    )
    before, after = (
        ranks(deck.ask(client, chart(each, style), "order-sign")) for each in (small, large)
    )
    assert all(after.get(name, 0) >= rank for name, rank in before.items())


@thorough
@given(facts=order_sign_facts(), style=styles, extra=st.sampled_from(CONTRAINDICATIONS))
def test_a_contraindication_never_removes_an_item(
    client: FlaskClient, facts: Facts, style: str, extra: Facts
) -> None:
    before = ranks(deck.ask(client, chart(facts, style), "order-sign"))
    after = ranks(deck.ask(client, chart(facts | extra, style), "order-sign"))
    assert all(after.get(name, 0) >= rank for name, rank in before.items())


@thorough
@given(
    facts=order_sign_facts(),
    style=styles,
    element=st.sampled_from(["dose", "unit", "form", "access"]),
)
def test_unknown_element_of_the_order_never_empties_a_critical_answer(
    client: FlaskClient, facts: Facts, style: str, element: str
) -> None:
    before = ranks(deck.ask(client, chart(facts, style), "order-sign"))
    assume(3 in before.values())
    after = ranks(
        deck.ask(client, chart(deck.merged(facts, {"order": {element: None}}), style), "order-sign")
    )
    assert after


@thorough
@given(call=calls, style=styles, data=st.data())
def test_unread_category_never_empties_a_critical_answer(
    client: FlaskClient, call: tuple[str, Facts], style: str, data: st.DataObject
) -> None:
    """Not even where the category alone carried what was critical; 412 says so too."""
    hook, facts = call
    one = chart(facts, style)
    assume(3 in ranks(deck.ask(client, one, hook)).values())
    missing = frozenset({data.draw(st.sampled_from(sorted(needs(hook))))})
    body = request(one, hook, "prefetch", leave_out=missing)
    answer = client.post(f"/cds-services/{deck.SERVICE_OF[hook]}", json=body)
    assert answer.status_code == 412 or deck.items(answer.get_json())


@thorough
@given(facts=order_sign_facts(), style=styles, key=st.sampled_from(sorted(needs("order-sign"))))
def test_unread_category_is_named_on_every_intrathecal_order(
    client: FlaskClient, facts: Facts, style: str, key: str
) -> None:
    body = request(chart(facts, style), "order-sign", "prefetch", leave_out=frozenset({key}))
    answer = deck.post(client, "order-sign", body)
    assert ("mtx-not-verifiable", "warning") in deck.items(answer)
    category = needs("order-sign")[key]["resource_type"]
    for card in answer["cards"]:
        unknowns = deck.extension(card, "basis")["unknowns"]
        assert [u["category"] for u in unknowns] == [category]
        assert category in card["detail"]


@thorough
@given(call=calls, style=styles)
def test_every_card_is_well_made(client: FlaskClient, call: tuple[str, Facts], style: str) -> None:
    """Short summary, a source, a topic, evidence; critical cards can be overridden."""
    hook, facts = call
    shown = deck.ask(client, chart(facts, style), hook)["cards"]
    for place, card in enumerate(shown):
        listed = deck.extension(card, "recommendations")
        single, last = len(listed) == 1, place == len(shown) - 1
        topics = {listed[0]["id"]} if single else {"lm-guidance"}
        topics |= {"lm-guidance"} if last and len(shown) > LIMIT[hook] else set()
        assert len(card["summary"]) <= 139
        assert card["source"]["label"]
        assert card["source"]["topic"]["code"] in topics
        assert card["indicator"] != "critical" or card["overrideReasons"]
        assert RANK[card["indicator"]] == max(RANK[entry["indicator"]] for entry in listed)


@thorough
@given(call=calls, style=styles)
def test_card_budget(client: FlaskClient, call: tuple[str, Facts], style: str) -> None:
    """Own cards up to the limit; beyond it one merged card, criticals always on their own."""
    hook, facts = call
    answer = deck.ask(client, chart(facts, style), hook)
    limit = LIMIT[hook]
    listed = deck.item_list(answer)
    critical = sum(indicator == "critical" for _, indicator in listed)
    if len(listed) <= limit:
        assert len(answer["cards"]) == len(listed)
    else:
        rest = len(listed) - max(critical, limit - 1)
        assert len(answer["cards"]) == max(critical, limit - 1) + (1 if rest else 0)


PRIORITY = {
    "patient-view": [
        "positive-csf-uncoded",
        "repeat-lp-unsafe",
        "repeat-lp",
        "suspected-lm",
        "best-supportive-care",
        "neuraxis-mri-missing",
        "two-nonpositive-csf",
        "eano-classification",
        "egfr-osimertinib",
        "alk-alectinib",
        "her2-cns-active-options",
        "braf-mek-inhibitors",
        "molecular-result-missing",
        "focal-radiotherapy",
        "intrathecal-therapy-option",
        "record-kps",
        "follow-up-scorecard",
        "data-incomplete",
    ],
    "order-sign": [
        "vinca-intrathecal",
        "mtx-route-not-coded",
        "mtx-indication",
        "mtx-allergy",
        "mtx-preservative",
        "mtx-dose-per-body-size",
        "mtx-dose-for-age",
        "mtx-concentration",
        "mtx-interval",
        "mtx-csf-flow",
        "mtx-shunt",
        "mtx-craniospinal-rt",
        "mtx-whole-brain-rt",
        "mtx-lumbar-access-safety",
        "mtx-clearance",
        "mtx-systemic-overlap",
        "mtx-nitrous-oxide",
        "mtx-drug-interaction",
        "vinca-same-day",
        "mtx-cns-infection",
        "mtx-leukoencephalopathy",
        "mtx-goals-of-care",
        "mtx-not-verifiable",
    ],
}
"""The catalogue in priority order."""


@thorough
@given(call=calls, style=styles)
def test_most_urgent_first(client: FlaskClient, call: tuple[str, Facts], style: str) -> None:
    """Critical first; then by indicator at order signing, by catalogue at chart open."""
    hook, facts = call
    listed = deck.item_list(deck.ask(client, chart(facts, style), hook))
    urgent = {"critical": 0, "warning": 1, "info": 1 if hook == "patient-view" else 2}
    ranked = [(urgent[indicator], PRIORITY[hook].index(name)) for name, indicator in listed]
    assert ranked == sorted(ranked)
