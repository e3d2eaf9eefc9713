"""The calls that are measured, the same in every run.

Weights follow an ordinary chart: 280 KB are a Patient, 20 Conditions, 30 MedicationRequests and 200
Observations; 2.3 MB are the same with 2,000 Observations.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.charts.build import NOW, chart
from tests.charts.request import request

PATIENT_VIEW, ORDER_SIGN = "lm-patient-view", "lm-order-sign"
Facts = dict[str, Any]
_LOINC = "http://loinc.org"
_PROFILES = "http://hl7.org/fhir/us/core/StructureDefinition"
_SCAN = {"days": 7, "contrast": True}
_PLAIN: Facts = {
    "age": 54,
    "cancer": [{"site": "breast", "status": "active", "metastatic": True}],
    "lm_dx": "confirmed",
    "csf": [{"days": 14, "result": "positive", "volume": 11}],
    "mri": {"brain": _SCAN | {"pattern": "linear"}, "spine": _SCAN | {"pattern": "normal"}},
    "kps": 80,
    "shunt": "none",
    "hydrocephalus": "none",
    "flow": {"status": "normal", "days": 10},
    "labs": {"plt": [180, 1], "inr": [1.0, 1]},
}
_ORDER = {"drug": "methotrexate", "route": "IT", "access": "ommaya", "dose": 12, "unit": "mg"}
_TEN_ON_ORDER = _PLAIN | {
    "kps": 50,
    "order": _ORDER | {"dose": 20, "form": "preserved"},
    "allergy_mtx": True,
    "cns_or_device_infection": True,
    "third_space": True,
    "meds": ["ppi"],
    "flow": {"status": "obstructed", "days": 3},
    "shunt": "no_valve",
    "rt": [{"type": "CSI", "status": "active"}],
}
_SEVEN_AT_CHART_OPEN: Facts = {
    "age": 56,
    "cancer": [
        {"site": "melanoma", "markers": {"BRAF": "pos"}},
        {"site": "lung", "small_cell": True},
    ],
    "csf": [{"days": 20, "result": "positive", "volume": 11}],
    "mri": {"brain": {"days": 60, "contrast": True, "pattern": "linear"}, "spine": None},
    "ecog": 2,
    "on_lm_treatment": True,
    "focal_symptomatic_lesion": True,
}


def _about(kind: str, number: int, **members: Any) -> Facts:
    subject = {"reference": "Patient/p"}
    return {"resourceType": kind, "id": f"{kind}-{number}", "subject": subject, **members}


_TESTS = (
    ("2951-2", "Sodium", "mmol/L", 138),
    ("2823-3", "Potassium", "mmol/L", 4),
    ("718-7", "Hemoglobin", "g/dL", 13),
    ("777-3", "Platelets", "10*3/uL", 210),
    ("2160-0", "Creatinine", "mg/dL", 1),
    ("1742-6", "Alanine aminotransferase", "U/L", 22),
    ("6690-2", "Leukocytes", "10*3/uL", 6),
    ("2075-0", "Chloride", "mmol/L", 102),
)


def _term(name: str, code: str, display: str) -> Facts:
    """A concept of one of the code systems of HL7."""
    system = f"http://terminology.hl7.org/CodeSystem/{name}"
    return {"coding": [{"system": system, "code": code, "display": display}]}


def observation(number: int) -> Facts:
    """A laboratory result with the elements that servers send, about 1.2 KB."""
    code, name, unit, value = _TESTS[number % len(_TESTS)]
    day = f"2026-{number % 9 + 1:02}-1{number % 9}"

    def quantity(amount: float) -> Facts:
        return {
            "value": amount,
            "unit": unit,
            "system": "http://unitsofmeasure.org",
            "code": unit,
        }

    return _about(
        "Observation",
        number,
        meta={
            "lastUpdated": f"{day}T09:00:07.132+00:00",
            "profile": [f"{_PROFILES}/us-core-observation-lab"],
        },
        status="final",
        category=[_term("observation-category", "laboratory", "Laboratory")],
        code={"coding": [{"system": _LOINC, "code": code, "display": name}], "text": name},
        encounter={"reference": f"Encounter/{number // 8}"},
        effectiveDateTime=f"{day}T08:00:00Z",
        issued=f"{day}T09:00:00.000Z",
        performer=[{"reference": "Organization/laboratory"}],
        valueQuantity=quantity(value + number % 3),
        interpretation=[_term("v3-ObservationInterpretation", "N", "Normal")],
        referenceRange=[{"low": quantity(value - 4), "high": quantity(value + 6)}],
    )


def _narrative(title: str) -> Facts:
    rows = "<tr><td>Recorded by</td><td>ward team</td><td>verified</td></tr>" * 13
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{title}</p><table>{rows}</table></div>'
    return {"status": "generated", "div": div}


def _conditions() -> list[Facts]:
    codes = ["C50.9", "R51.9", "H53.2", *(f"I1{number % 6}" for number in range(17))]
    icd = "http://hl7.org/fhir/sid/icd-10-cm"
    return [
        _about(
            "Condition",
            number,
            code={"coding": [{"system": icd, "code": code, "display": f"Diagnosis {code}"}]},
            recordedDate="2026-11-01",
            text=_narrative(f"Diagnosis {code}"),
        )
        for number, code in enumerate(codes)
    ]


def _medication(number: int) -> Facts:
    drug = {"text": f"Metformin {500 + number} mg"}
    given = {"status": "active", "intent": "order", "medicationCodeableConcept": drug}
    more = {"authoredOn": "2026-10-01", "text": _narrative("Metformin")}
    return _about("MedicationRequest", number, **given, **more)


def _body(hook: str, facts: Facts, observations: int | None = None) -> bytes:
    """A call with a full prefetch; with `observations` the chart is filled up to an ordinary one.

    Laboratory results are put under their key whether or not the query asks for their code: EHRs
    with prefetch of their own send all of them.
    """
    one = chart(facts, "icd", NOW)
    if observations is None:
        return _compact(request(one, hook, "prefetch"))
    one.resources.extend(_conditions())
    one.resources.extend(_medication(number) for number in range(30))
    body = request(one, hook, "prefetch")
    labs = body["prefetch"].get("labs") or {"resourceType": "Bundle", "type": "searchset"}
    results = [{"resource": observation(number)} for number in range(observations)]
    body["prefetch"]["labs"] = labs | {"entry": [*labs.get("entry", ()), *results]}
    body["prefetch"]["labs"].pop("total", None)
    return _compact(body).replace(b'Patient/p"', f'Patient/{one.patient_id}"'.encode())


def _compact(body: Facts) -> bytes:
    """JSON as servers write it, without spaces."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


@cache
def patient_view(observations: int) -> bytes:
    """A chart that is opened, all 13 queries answered in the prefetch."""
    return _body("patient-view", {"age": 56}, observations)


@cache
def order_sign(observations: int = 200) -> bytes:
    """An intrathecal methotrexate order that is signed on an ordinary chart."""
    return _body("order-sign", _PLAIN | {"order": _ORDER | {"form": "PF"}}, observations)


@cache
def ten_on_order_sign() -> bytes:
    """An order about which ten recommendations have something to say."""
    return _body("order-sign", _TEN_ON_ORDER)


@cache
def seven_on_patient_view() -> bytes:
    """A chart of established leptomeningeal metastasis with seven recommendations."""
    return _body("patient-view", _SEVEN_AT_CHART_OPEN)
