"""Established leptomeningeal metastasis when a query fails: named, and never told as absence.

Specification 1.1 and 1.9: a failed query is neither "empty" nor "none found". The items are those
of the data that could be read, with `data-incomplete` as the last of them; an item whose reason may
lie in the failed data says that it could not be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml
from flask.testing import FlaskClient

from tests import deck
from tests.charts.build import Chart, chart
from tests.charts.request import request
from tests.charts.search import needs
from tests.charts.vocabulary import JsonObject
from tests.live import TestServer, fhir_server

OPENED = needs("patient-view")
REQUIRED = ("patient", "conditions")
OTHERS = [key for key in OPENED if key not in REQUIRED]
INCOMPLETE = ("data-incomplete", "info")
REASONS = {"500": "http-500", "truncated": "truncated", "not-json": "not-json"}
"""Fault of the server -> reason in the card."""

DOCUMENTED: JsonObject = {
    "age": 56,
    "cancer": [{"site": "lung", "metastatic": True, "markers": {"EGFR": "pos", "ALK": "neg"}}],
    "lm_dx": "confirmed",
    "csf": [{"days": 20, "result": "positive", "volume": 11}],
    "mri": {
        "brain": {"days": 9, "contrast": True, "pattern": "linear"},
        "spine": {"days": 9, "contrast": True, "pattern": "normal"},
    },
    "kps": 80,
    "flow": {"status": "normal", "days": 12},
    "on_lm_treatment": "osimertinib",
    "last_scorecard_days": 20,
}
"""Nothing is missing: whatever a card calls missing is wrong."""

CHARTS: dict[str, JsonObject] = {
    "documented": DOCUMENTED,
    "cytology only": DOCUMENTED | {"lm_dx": None},
    "poor performance": DOCUMENTED | {"kps": 60, "focal_symptomatic_lesion": True},
    "nothing but the diagnosis": {"age": 56, "cancer": [{"site": "breast"}], "lm_dx": "probable"},
    "no cancer on record": DOCUMENTED | {"cancer": []},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("gaps"))


@pytest.fixture(scope="module")
def fhir() -> Iterator[TestServer]:
    with fhir_server() as server:
        yield server


def body_without(made: Chart, fhir: TestServer, faults: dict[str, str]) -> JsonObject:
    """A call whose client leaves these keys to the server, where they go wrong."""
    fhir.load(made.resources, faults)
    return request(made, "patient-view", "prefetch", fhir.base, leave_out=frozenset(faults))


def failed(client: FlaskClient, fhir: TestServer, made: Chart, **faults: str) -> JsonObject:
    """The answer when queries go wrong."""
    return deck.post(client, "patient-view", body_without(made, fhir, faults))


def emptied(client: FlaskClient, made: Chart, key: str) -> frozenset[deck.Item]:
    """The items when the same query is answered, and empty."""
    body = request(made, "patient-view", "prefetch")
    body["prefetch"][key] = None
    return deck.items(deck.post(client, "patient-view", body))


@pytest.mark.parametrize("key", REQUIRED)
def test_patient_and_conditions_are_required(
    client: FlaskClient, fhir: TestServer, key: str
) -> None:
    body = body_without(chart(DOCUMENTED), fhir, {key: "500"})
    answer = client.post(f"/cds-services/{deck.SERVICE_OF['patient-view']}", json=body)
    assert answer.status_code == 412
    assert answer.get_json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("fault", REASONS)
@pytest.mark.parametrize("key", OTHERS)
def test_what_could_not_be_read_is_named_last(
    client: FlaskClient, fhir: TestServer, key: str, fault: str
) -> None:
    answer = failed(client, fhir, chart(DOCUMENTED), **{key: fault})
    assert deck.item_list(answer)[-1] == INCOMPLETE
    card = answer["cards"][-1]
    category = OPENED[key]["resource_type"]
    unknowns = deck.extension(card, "basis")["unknowns"]
    assert [u["reason"] for u in unknowns if u.get("category") == category] == [REASONS[fault]]
    assert category in card["detail"]


@pytest.mark.parametrize("key", OTHERS)
@pytest.mark.parametrize("name", CHARTS)
def test_items_are_those_of_what_was_read(
    client: FlaskClient, fhir: TestServer, name: str, key: str
) -> None:
    """The diagnosis stands on the problem list, which was read: its items stay."""
    made = chart(CHARTS[name])
    expected = emptied(client, made, key) | {INCOMPLETE}
    got = deck.items(failed(client, fhir, made, **{key: "500"}))
    assert got == expected, deck.told(got, expected)


@pytest.mark.parametrize("key", OTHERS)
@pytest.mark.parametrize("name", CHARTS)
def test_what_was_read_of_a_cut_answer_counts(
    client: FlaskClient, fhir: TestServer, name: str, key: str
) -> None:
    made = chart(CHARTS[name])
    whole = deck.items(deck.ask(client, made, "patient-view"))
    assert deck.items(failed(client, fhir, made, **{key: "truncated"})) == whole | {INCOMPLETE}


SILENT = {
    "child": {"age": 17},
    "hospice": {"hospice": True},
    "leukaemia": {"cancer": [{"site": "ALL", "class": "heme"}]},
    "brain tumour": {"cancer": [{"site": "glioblastoma", "class": "cns"}]},
}


@pytest.mark.parametrize("name", SILENT)
def test_out_of_scope_stays_silent(client: FlaskClient, fhir: TestServer, name: str) -> None:
    made = chart(DOCUMENTED | SILENT[name])
    assert failed(client, fhir, made, reports="500")["cards"] == []


def test_unknown_age_says_only_what_could_not_be_read(
    client: FlaskClient, fhir: TestServer
) -> None:
    answer = failed(client, fhir, chart(DOCUMENTED | {"age": None}), reports="500")
    assert deck.items(answer) == {INCOMPLETE}


@dataclass(frozen=True)
class Gap:
    """A recommendation, the query in whose failure its reason may lie, and what was not read."""

    recommendation: str
    key: str
    unread: JsonObject
    faults: tuple[str, ...] = ("500", "truncated")


GAPS = [
    Gap("neuraxis-mri-missing", "reports", {"mri": None}),
    Gap("eano-classification", "reports", {"csf": [], "mri": None}),
    Gap("eano-classification", "codedObservations", {"csf": []}),
    Gap("molecular-result-missing", "reports", {"cancer": [{"site": "breast"}]}),
    Gap("molecular-result-missing", "codedObservations", {"cancer": [{"site": "melanoma"}]}),
    Gap("record-kps", "codedObservations", {"kps": None}),
    Gap("record-kps", "examObservations", {"kps": None}),
    Gap("follow-up-scorecard", "examObservations", {"last_scorecard_days": None}),
    Gap("follow-up-scorecard", "examObservations", {"last_scorecard_days": 85}),
    Gap("intrathecal-therapy-option", "reports", {"flow": None}, ("truncated",)),
    Gap("intrathecal-therapy-option", "examObservations", {"flow": None}),
]

ABSENCE = re.compile(
    r"\bnot found\b|\bnone found\b|\bno\b[^.;:]{0,80}\bfound\b|\bnot on record\b"
    r"|\b(?:no|none)\b[^.;:]{0,80}\bon record\b|\bwithout (?:a )?contrast MRI\b"
    r"|\btype II[A-D]?\b",
    re.IGNORECASE,
)
"""Words that tell missing data as a fact."""
UNREAD = re.compile(r"\bcould not (?:be )?read\b", re.IGNORECASE)


def title(recommendation: str) -> str:
    """The title in the file of a recommendation."""
    folder = deck.REPOSITORY / "hooks" / "patient_view"
    return str(yaml.safe_load((folder / f"{recommendation}.yaml").read_text("utf-8"))["title"])


def told(answer: JsonObject, recommendation: str) -> str:
    """What the answer says about one recommendation: summary and reason, or its paragraph."""
    card = next(
        card
        for card in answer["cards"]
        if any(e["id"] == recommendation for e in deck.extension(card, "recommendations"))
    )
    if card["source"]["topic"]["code"] == recommendation:
        return str(card["summary"]) + "\n" + re.split(r"\n\n\*\*(?:Data|Not)", card["detail"])[0]
    paragraphs = card["detail"].split("\n\n")
    own = [p for p in paragraphs if p.startswith(f"**{title(recommendation)}**")]
    assert len(own) == 1, paragraphs
    return str(own[0].split("):", 1)[1].split(" Data used: ")[0].split(" Source: ")[0])


def shown(answer: JsonObject, gap: Gap) -> str:
    """The wording of the item of a gap."""
    assert gap.recommendation in {name for name, _ in deck.items(answer)}
    return told(answer, gap.recommendation)


@pytest.mark.parametrize(
    ("gap", "fault"),
    [
        pytest.param(gap, fault, id=f"{gap.recommendation}-{gap.key}-{fault}-{number}")
        for number, gap in enumerate(GAPS)
        for fault in gap.faults
    ],
)
def test_failed_is_not_told_as_absent(
    client: FlaskClient, fhir: TestServer, gap: Gap, fault: str
) -> None:
    """A cut answer that held nothing of the kind is no better than a failed one."""
    made = chart(DOCUMENTED | gap.unread)
    text = shown(failed(client, fhir, made, **{gap.key: fault}), gap)
    assert UNREAD.search(text), text
    assert not ABSENCE.search(text), text


@pytest.mark.parametrize(
    "recommendation",
    ["neuraxis-mri-missing", "molecular-result-missing", "record-kps", "follow-up-scorecard"],
)
def test_absence_after_a_complete_look_is_not_called_unread(
    client: FlaskClient, recommendation: str
) -> None:
    """The other side: where everything was answered, nothing is said to be unreadable."""
    facts = DOCUMENTED | {"mri": None, "kps": None, "last_scorecard_days": None}
    answer = deck.ask(client, chart(facts | {"cancer": [{"site": "lung"}]}), "patient-view")
    text = shown(answer, Gap(recommendation, "", {}))
    assert not UNREAD.search(text), text
