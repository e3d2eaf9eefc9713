"""No resource of another patient ever decides, whatever its type and however it names its subject.

Source: data elements, section 1.1; clinical specification, section 1.9.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from hooks.fhir import RESOURCE_TYPES
from tests import deck
from tests.charts import fhir_server as fhir_module
from tests.charts.build import chart
from tests.charts.request import request
from tests.contract.calls import CHART, NOW, ORDER, PAIRS, call
from tests.deck import SERVICE_OF
from tests.live import TestServer, application, fhir_server, settings
from tests.properties import calls, cards, thorough

BASE = "https://fhir.example.org/r4"
OTHER = "another-patient"
URN = "urn:uuid:7f0a4b0e-3d0b-4f9f-9c83-0d6f5a1c2b10"
FORMS: dict[str, Any] = {
    "relative": {"reference": f"Patient/{OTHER}"},
    "bare": {"reference": OTHER},
    "versioned": {"reference": f"Patient/{OTHER}/_history/1"},
    "absolute": {"reference": f"{BASE}/Patient/{OTHER}"},
    "urn": {"reference": URN},
    "contained": {"reference": "#p"},
    "identifier only": {"identifier": {"system": "urn:x", "value": "OWN"}},
    "display only": {"display": "OWN"},
    "empty": {},
    "no text": {"reference": ""},
    "group": {"reference": "Group/OWN"},
    "device": {"reference": "Device/OWN"},
    "own id, other server": {"reference": "https://elsewhere.example.org/r4/Patient/OWN"},
    "own id, base that only begins alike": {"reference": f"{BASE}x/Patient/OWN"},
    "own id as a prefix": {"reference": "Patient/OWN-2"},
    "own id in another case": {"reference": "patient/OWN"},
    "search": {"reference": "Patient?_id=OWN"},
}
MISSING = "missing"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return deck.flask_client(tmp_path_factory.mktemp("others"))


def alarming(own: str) -> list[dict[str, Any]]:
    """One resource of each type that facts read, which would change cards if it counted."""
    it = {"text": "methotrexate intrathecal 12 mg"}
    text = "Leptomeningeal enhancement, obstructive hydrocephalus. EGFR positive."
    members: dict[str, dict[str, Any]] = {
        "Patient": {"birthDate": "2020-01-01"},
        "Condition": {"code": {"text": "leptomeningeal metastasis, hospice, VP shunt"}},
        "Observation": {
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "777-3"}]},
            "effectiveDateTime": "2026-11-20",
            "valueQuantity": {"value": 5, "unit": "10*3/uL"},
        },
        "DiagnosticReport": {
            "status": "final",
            "code": {"text": "MRI brain with contrast"},
            "effectiveDateTime": "2026-11-20",
            "conclusion": text,
        },
        "MedicationRequest": {
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": it,
        },
        "MedicationAdministration": {
            "status": "completed",
            "medicationCodeableConcept": it,
            "effectiveDateTime": "2026-11-20T08:00:00Z",
            "dosage": {"route": {"text": "intrathecal"}, "dose": {"value": 12, "unit": "mg"}},
        },
        "Procedure": {"status": "completed", "code": {"text": "craniospinal irradiation"}},
        "ServiceRequest": {
            "status": "active",
            "intent": "order",
            "code": {"text": "whole brain radiotherapy, hospice"},
        },
        "Device": {"status": "active", "type": {"text": "ventriculoperitoneal shunt"}},
        "AllergyIntolerance": {"code": {"text": "methotrexate"}, "criticality": "high"},
        "Specimen": {"type": {"text": "CSF"}},
    }
    assert set(members) == set(RESOURCE_TYPES) - {"Medication"}
    return [{"resourceType": kind, "id": f"z-{kind}", **more} for kind, more in members.items()]


def foreign(own: str, form: str) -> list[dict[str, Any]]:
    """The same as resources of somebody else."""
    found = []
    for resource in alarming(own):
        if resource["resourceType"] == "Patient":
            resource["id"] = OTHER
        elif form != MISSING:
            owner = "patient" if resource["resourceType"] in _BY_PATIENT else "subject"
            resource[owner] = json.loads(json.dumps(FORMS[form]).replace("OWN", own))
            resource["contained"] = [{"resourceType": "Patient", "id": "p"}]
        found.append(resource)
    return found


_BY_PATIENT = ("Device", "AllergyIntolerance")


def bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    entries = [{"resource": each, "fullUrl": f"{BASE}/x/{each['id']}"} for each in resources]
    entries[0]["fullUrl"] = URN
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries}


@pytest.mark.parametrize("form", [*FORMS, MISSING])
@pytest.mark.parametrize("hook", sorted(SERVICE_OF))
def test_whoever_else_is_named_changes_no_card(client: FlaskClient, hook: str, form: str) -> None:
    body = call(SERVICE_OF[hook], fhirServer=BASE)
    own = body["context"]["patientId"]
    with_others = copy.deepcopy(body)
    with_others["prefetch"]["others"] = bundle(foreign(own, form))
    for value in with_others["prefetch"].values():
        if value and value.get("entry"):
            value["entry"] += bundle(foreign(own, form))["entry"]
    assert cards(deck.post(client, hook, with_others)) == cards(deck.post(client, hook, body))


def test_the_same_resources_of_the_patient_would_change_cards(client: FlaskClient) -> None:
    for hook, service in SERVICE_OF.items():
        body = call(service, fhirServer=BASE)
        own = body["context"]["patientId"]
        mine = [{**each, "id": own} if "birthDate" in each else each for each in alarming(own)]
        about = {"reference": f"Patient/{own}"}
        mine = [each | {"subject": about, "patient": about} for each in mine]
        more = copy.deepcopy(body)
        more["prefetch"]["mine"] = bundle(mine)
        assert cards(deck.post(client, hook, more)) != cards(deck.post(client, hook, body))


@thorough
@given(one=calls, form=st.sampled_from([*FORMS, MISSING]))
def test_they_change_nothing_in_any_chart(
    client: FlaskClient, one: tuple[str, Any], form: str
) -> None:
    hook, facts = one
    made = chart(facts, "text")
    body = request(made, hook, "prefetch", BASE)
    more = copy.deepcopy(body)
    more["prefetch"]["others"] = bundle(foreign(made.patient_id, form))
    assert cards(deck.post(client, hook, more)) == cards(deck.post(client, hook, body))


@pytest.fixture(scope="module")
def fhir() -> Iterator[TestServer]:
    with fhir_server() as server:
        yield server


@pytest.mark.parametrize("form", ["relative", "urn", "group", "own id, other server", MISSING])
def test_a_server_that_answers_for_somebody_else(
    client: FlaskClient, fhir: TestServer, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bases = deck.own_cases()
    case = next(each for each in bases if each.hook == "order-sign" and each.expected)
    made = case.chart("text")
    fhir.load(made.resources)
    body = request(made, "order-sign", "server", fhir.base)
    plain = cards(deck.post(client, "order-sign", body))
    honest = fhir_module.answer

    def also_of_others(resources: Any, query: str) -> Any:
        found = honest(resources, query)
        kind = query.split("?")[0].split("/")[0]
        others = [r for r in foreign(made.patient_id, form) if r["resourceType"] == kind]
        return [*others, *found] if isinstance(found, list) else found

    monkeypatch.setattr(fhir_module, "answer", also_of_others)
    assert cards(deck.post(client, "order-sign", body)) == plain


def test_a_patient_with_another_id_is_refused(client: FlaskClient) -> None:
    body = call(CHART)
    body["prefetch"]["patient"] = {
        "resourceType": "Patient",
        "id": OTHER,
        "birthDate": "1960-01-01",
    }
    answer = client.post(f"/cds-services/{CHART}", json=body)
    assert answer.status_code == 412
    assert "Patient" in answer.json["issue"][0]["diagnostics"]


def drafts_of(body: Any, subject: Any) -> Any:
    made = copy.deepcopy(body)
    for entry in made["context"]["draftOrders"]["entry"]:
        entry["resource"]["subject"] = subject
    return made


@pytest.mark.parametrize("form", [f for f in FORMS if FORMS[f].get("reference")])
def test_an_order_for_somebody_else_is_never_compared_with_this_chart(
    client: FlaskClient, form: str
) -> None:
    body = call(ORDER, fhirServer=BASE)
    own = body["context"]["patientId"]
    subject = json.loads(json.dumps(FORMS[form]).replace("OWN", own))
    answer = deck.post(client, "order-sign", drafts_of(body, subject))
    (told,) = [c for c in answer["cards"] if "patient of the order" in c["detail"]]
    assert told["indicator"] == "warning"
    from_chart = {"mtx-interval", "mtx-shunt", "mtx-allergy", "mtx-csf-flow", "mtx-clearance"}
    assert not from_chart & {name for name, _ in deck.items(answer)}


@pytest.mark.parametrize("user", ["Patient/x", "RelatedPerson/x", f"{BASE}/Patient/x"])
def test_users_who_are_no_clinicians(client: FlaskClient, user: str) -> None:
    """No cards at chart open; an order is checked whoever signs it."""
    for service, shown in ((CHART, False), (ORDER, True)):
        body = call(service)
        body["context"]["userId"] = user
        answer = client.post(f"/cds-services/{service}", json=body)
        assert (answer.status_code, bool(answer.json["cards"])) == (200, shown)


def marked(service: str, story: str, marker: str) -> dict[str, Any]:
    """A call in which every id carries a marker."""
    body = call(service, story)
    own = body["context"]["patientId"]
    text = json.dumps(body).replace(f'"{own}"', f'"{marker}"')
    made: dict[str, Any] = json.loads(text.replace(f"Patient/{own}", f"Patient/{marker}"))
    for value in (*made["prefetch"].values(), made["context"].get("draftOrders")):
        for entry in (value or {}).get("entry", []):
            resource = entry["resource"]
            if resource["resourceType"] not in ("Patient", "Medication"):
                resource["id"] = f"{marker}-{resource.get('id', 'x')}"
    return made


def test_nothing_crosses_between_two_patients_at_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Sixteen threads on a real socket, two patients by turns."""
    first, second = "marker-aaaa", "marker-bbbb"
    stories = {service: [p.name for s, p in PAIRS if s == service] for service in (CHART, ORDER)}
    folder = tmp_path_factory.mktemp("parallel")
    with application(settings(folder, NOW)) as url:

        def ask(number: int) -> str:
            marker, other = (first, second) if number % 2 else (second, first)
            service = (CHART, ORDER)[number // 2 % 2]
            story = stories[service][number // 4 % len(stories[service])]
            connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
            body = json.dumps(marked(service, story, marker))
            connection.request("POST", f"/cds-services/{service}", body)
            text = connection.getresponse().read().decode()
            connection.close()
            assert other not in text
            return marker if marker in text else ""

        with ThreadPoolExecutor(16) as threads:
            found = list(threads.map(ask, range(240)))
    assert {first, second} <= set(found)
