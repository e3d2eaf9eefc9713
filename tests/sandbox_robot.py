"""A robot that sends what the official CDS Hooks Sandbox sends, in its order and shape.

Its requests go through `cross_origin`, as those of the Sandbox go through a browser. Defects of the
Sandbox are kept: draftOrders without `type`, `category` as an object, an order without `intent`
and without a drug until one is chosen, doses in `{pill}`, no `encounterId`, repeated query
parameters collapsed into one, failed prefetch left out, override reasons without `display`.
Source: cds-hooks/sandbox, as of 2026-03 (service-exchange, medication-reducers, card-list,
jwt-generator).
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cross_origin import FORM, Answer, Blocked, CrossOrigin

ORIGIN = "https://sandbox.cds-hooks.org"
USER = "Practitioner/COREPRACTITIONER1"
KEY_ID = "44823f3d-0b01-4a6c-a80e-b9d3e8a7226f"
KEYS_URL = f"{ORIGIN}/.well-known/jwks.json"
FHIR_ACCEPT = "application/json+fhir"
METHOTREXATE_TABLET = ("105586", "Methotrexate 2.5 MG Oral Tablet")
JsonObject = dict[str, Any]


@dataclass
class Robot:
    """One open tab of the Sandbox.

    `discovery` is the URL of the discovery endpoint, `fhir` the base of the FHIR server. Services
    and the last cards of each hook are kept as the page keeps them.
    """

    discovery: str
    fhir: str
    browser: CrossOrigin = field(default_factory=lambda: CrossOrigin(ORIGIN))
    patient: JsonObject = field(default_factory=dict)
    services: dict[str, JsonObject] = field(default_factory=dict)
    cards: dict[str, list[JsonObject]] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP384R1()))

    # What a user does ------------------------------------------------------------------------

    def open(self, patient_id: str) -> list[JsonObject]:
        """Load the page with this patient: metadata, patient, discovery, then patient-view."""
        self.get_fhir("metadata")
        self.get_fhir("Patient")
        self.load_patient(patient_id)
        found = self.browser.ask("GET", self.discovery, self.service_headers(self.discovery)).json()
        self.services = {f"{self.discovery}/{each['id']}": each for each in found["services"]}
        return self.call("patient-view")

    def change_patient(self, patient_id: str) -> list[JsonObject]:
        """Choose another patient; the Sandbox asks the services again."""
        self.load_patient(patient_id)
        return self.call("patient-view")

    def sign(self, order: JsonObject | None = None) -> list[JsonObject]:
        """Press *Sign Order*; without an order, before any drug was chosen."""
        resource = order or self.order()
        bundle = {"resourceType": "Bundle", "entry": [{"resource": resource}]}
        return self.call("order-sign", draftOrders=bundle)

    def accept(self, card: JsonObject, suggestion: JsonObject) -> int:
        """Click a suggestion; the status of the feedback call."""
        accepted = {"outcome": "accepted", "acceptedSuggestions": [{"id": suggestion["uuid"]}]}
        return self.give_feedback(card, accepted)

    def dismiss(self, card: JsonObject, reason: JsonObject | None = None) -> int:
        """Dismiss a card, with one of its reasons; the status of the feedback call."""
        overridden: JsonObject = {"outcome": "overridden"}
        if reason:
            coding = {"code": reason["code"], "system": reason["system"]}
            overridden["overrideReason"] = {"reason": coding}
        return self.give_feedback(card, overridden)

    # What the page sends ---------------------------------------------------------------------

    def load_patient(self, patient_id: str) -> None:
        """Read the patient and the conditions that fill its drop-down list."""
        self.patient = self.get_fhir(f"Patient/{patient_id}").json()
        name = self.patient["name"][0]
        assert " ".join(name["given"]), "the page breaks on a patient without a given name"
        self.get_fhir(f"Condition?patient={patient_id}")

    def call(self, hook: str, **context: Any) -> list[JsonObject]:
        """Call every service of a hook; its cards, most urgent first."""
        self.cards[hook] = []
        for url, service in self.services.items():
            if service["hook"] == hook:
                body = self.request_body(hook, service, context)
                answer = self.browser.ask("POST", url, self.service_headers(url), body)
                if answer.ok:
                    found = answer.json().get("cards", [])
                    self.cards[hook] += [{**card, "serviceUrl": url} for card in found]
        ranks = {"info": 0, "warning": 1, "critical": 2}
        return sorted(self.cards[hook], key=lambda card: -ranks[card["indicator"]])

    def request_body(self, hook: str, service: JsonObject, context: JsonObject) -> JsonObject:
        """The body of a hook call, members in the order of the Sandbox."""
        body: JsonObject = {
            "hookInstance": str(uuid.uuid4()),
            "hook": hook,
            "fhirServer": self.fhir,
            "context": {"patientId": self.patient["id"], "userId": USER, **context},
        }
        prefetch = self.prefetch(service.get("prefetch", {}))
        return {**body, "prefetch": prefetch} if prefetch else body

    def prefetch(self, templates: dict[str, str]) -> JsonObject:
        """The answers to the templates; what failed or holds an open token is left out."""
        found: JsonObject = {}
        for key, template in templates.items():
            query = template.replace("{{context.patientId}}", self.patient["id"])
            query = collapsed(query.replace("{{context.userId}}", USER))
            answer = None if "{{" in query else self.answer_to(query)
            if answer:
                found[key] = answer
        return found

    def answer_to(self, query: str) -> JsonObject:
        """A read, or a search by POST and, where that fails, by GET; empty if all fails."""
        path, _, parameters = query.partition("?")
        form = urlencode(parse_qsl(parameters))
        attempts = [("GET", f"{path}?{form}" if form else path, "")]
        if form:
            attempts.insert(0, ("POST", f"{path}/_search", form))
        for method, target, text in attempts:
            headers = {"Accept": FHIR_ACCEPT, **({"Content-Type": FORM} if text else {})}
            with suppress(Blocked):
                answer = self.browser.ask(method, f"{self.fhir}/{target}", headers, text)
                if answer.ok:
                    return dict(answer.json())
        return {}

    def give_feedback(self, card: JsonObject, outcome: JsonObject) -> int:
        """Tell the service of a card what became of it; one item per call."""
        url = f"{card['serviceUrl']}/feedback"
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        item = {"card": card["uuid"], **outcome, "outcomeTimestamp": stamp}
        body = {"feedback": [item]}
        return self.browser.ask("POST", url, self.service_headers(url), body).status_code

    def order(self, drug: tuple[str, str] | None = None) -> JsonObject:
        """The order of the prescription form, with a drug once one is chosen."""
        resource: JsonObject = {
            "resourceType": "MedicationRequest",
            "id": "request-123",
            "status": "draft",
            "subject": {"reference": f"Patient/{self.patient['id']}"},
            "authoredOn": datetime.now(UTC).date().isoformat(),
        }
        return {**resource, **_chosen(*drug)} if drug else resource

    def get_fhir(self, path: str) -> Answer:
        """Ask the FHIR server, with the old media type that the Sandbox accepts."""
        return self.browser.ask("GET", f"{self.fhir}/{path}", {"Accept": FHIR_ACCEPT})

    def service_headers(self, audience: str) -> dict[str, str]:
        """The headers of every call to a service, with a new ES384 token for exactly this URL."""
        now = int(datetime.now(UTC).timestamp())
        claims = {"iss": ORIGIN, "aud": audience, "exp": now + 300, "iat": now}
        headers = {"kid": KEY_ID, "jku": KEYS_URL}
        claims["jti"] = str(uuid.uuid4())
        token = jwt.encode(claims, self.key, "ES384", headers)
        return {"Accept": "application/json", "Authorization": f"Bearer {token}"}


def collapsed(query: str) -> str:
    """A query as the Sandbox rewrites it: parameters by name, repeated ones joined by commas."""
    path, mark, parameters = query.partition("?")
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(parameters, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    pairs = (f"{name}={quote(','.join(values[name]), safe='')}" for name in sorted(values))
    return path + mark + "&".join(pairs)


def _chosen(code: str, name: str) -> JsonObject:
    """What choosing a drug adds to an order: one pill a day for a day."""
    rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
    ucum = "http://unitsofmeasure.org"
    category = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"
    pill = {"value": 1, "system": ucum, "code": "{pill}"}
    days = {"value": 1, "unit": "days", "system": ucum, "code": "d"}
    return {
        "dosageInstruction": [
            {
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": pill}],
            }
        ],
        "dispenseRequest": {"expectedSupplyDuration": days},
        "intent": "order",
        "category": {"coding": [{"system": category, "code": "community"}]},
        "medicationCodeableConcept": {
            "text": name,
            "coding": [{"display": name, "system": rxnorm, "code": code}],
        },
    }
