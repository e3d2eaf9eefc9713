"""Resources that must change nothing: unrelated findings, wrong statuses, other patients."""

from __future__ import annotations

import random
from datetime import datetime
from itertools import islice
from typing import Any

from tests.charts.build import chart
from tests.charts.status import category
from tests.charts.vocabulary import LOINC, VERIFICATION, JsonObject
from tests.charts.writer import STYLES

OTHER_PATIENT = "somebody-else"

_DECISIVE: tuple[dict[str, Any], ...] = (
    {
        "age": 4,
        "cancer": [{"site": "melanoma", "metastatic": True}, {"site": "ALL", "class": "heme"}],
    },
    {"symptoms": [{"code": "cauda_equina", "days": 1}, {"code": "papilloedema", "days": 0}]},
    {"lm_dx": "confirmed", "hospice": True, "focal_symptomatic_lesion": True},
    {"lm_dx": "refuted_recent", "refuted_days": 0},
    {"csf": [{"days": 0, "result": "positive", "volume": 12}, {"days": 2, "result": "pending"}]},
    {"csf": [{"days": 1, "result": "equivocal"}, {"days": 3, "result": "negative", "fixed": True}]},
    {"mri": {"brain": {"days": 0, "contrast": True, "pattern": "nodular"}, "mass_effect": True}},
    {"labs": {"plt": [5, 0], "inr": [4.0, 0], "egfr": [10, 0]}, "kps": 30, "ecog": 4},
    {
        "shunt": "no_valve",
        "hydrocephalus": "symptomatic",
        "flow": {"status": "obstructed", "days": 0},
    },
    {"shunt": "none", "flow": {"status": "normal", "days": 0}, "life_expectancy_days": 10},
    {
        "rt": [
            {"type": "CSI", "status": "completed", "days": 1},
            {"type": "WBRT", "status": "active"},
        ]
    },
    {"it_history": [[20, 12], [40, 12]], "systemic_mtx_7d": 1, "emetogenic_chemo_days": 1},
    {"it_order_same_day": "order", "vinca_same_day": True, "nitrous_planned": True},
    {"meds": ["nsaid", "ppi"], "anticoagulant_not_held": True, "on_lm_treatment": True},
    {"allergy_mtx": True, "cns_or_device_infection": True, "leukoencephalopathy": True},
    {"third_space": True, "nonmalignant_indication": True, "dialysis": True},
    {"orders": ["lp", "mri_neuraxis"], "last_scorecard_days": 1},
    {"cancer": [{"site": "lung", "markers": {"EGFR": "pos", "ALK": "pos"}}]},
)
"""Each would change an answer if it counted."""


def noise(n: int, seed: int, now: datetime, patient_id: str = "pt-1") -> list[JsonObject]:
    """`n` irrelevant resources: unrelated ones, wrong statuses, another patient's."""
    source = random.Random(seed)
    styles = source.sample(STYLES, len(STYLES))
    annulled = [
        _annulled(r) for r in _decisive(now, styles, patient_id) if r["resourceType"] != "Patient"
    ]
    foreign = _decisive(now, styles[1:], OTHER_PATIENT)
    third = n // 3
    mixed = [*islice(_cycled(annulled), third), *islice(_cycled(foreign), third)]
    unrelated = [_unrelated(source, now, patient_id) for _ in range(n - len(mixed))]
    return [r | {"id": f"noise-{seed}-{i}"} for i, r in enumerate(mixed + unrelated)]


def _cycled(resources: list[JsonObject]) -> Any:
    """The resources again and again."""
    while resources:
        yield from resources


def _decisive(now: datetime, styles: list[str], patient_id: str) -> list[JsonObject]:
    """The decisive resources of one patient, in changing notation; one Patient at most."""
    charts = [
        chart(facts, styles[i % len(styles)], now, patient_id) for i, facts in enumerate(_DECISIVE)
    ]
    listed = [r for one in charts for r in one.resources]
    return [r for i, r in enumerate(listed) if i == 0 or r["resourceType"] != "Patient"]


_VERIFICATION_OF = {
    "Condition": VERIFICATION,
    "AllergyIntolerance": VERIFICATION.replace("condition", "allergyintolerance").replace(
        "ver-status", "verification"
    ),
}


def _annulled(resource: JsonObject) -> JsonObject:
    """The same resource with a status that does not count."""
    if resource["resourceType"] not in ("Condition", "AllergyIntolerance"):
        return resource | {"status": "entered-in-error"}
    system = _VERIFICATION_OF[resource["resourceType"]]
    status = {"coding": [{"system": system, "code": "entered-in-error"}]}
    kept = {k: v for k, v in resource.items() if k != "clinicalStatus"}
    return kept | {"verificationStatus": status}


_VALUES = {"8480-6": 128, "8867-4": 72, "2345-7": 98, "718-7": 12, "6690-2": 6}
_TEXTS: dict[str, tuple[str, ...]] = {
    "Condition": ("Essential hypertension", "Type 2 diabetes mellitus", "Allergic rhinitis"),
    "DiagnosticReport": ("Chest radiograph", "Echocardiogram", "Flow cytometry of blood"),
    "Procedure": ("Colonoscopy", "Cataract extraction"),
    "ServiceRequest": ("Physiotherapy", "Dietary advice"),
}


def _unrelated(source: random.Random, now: datetime, patient_id: str) -> JsonObject:
    """A resource of this patient that no fact reads."""
    kind = source.choice(("Observation", "MedicationRequest", *_TEXTS))
    resource: JsonObject = {
        "resourceType": kind,
        "status": "final",
        "subject": {"reference": f"Patient/{patient_id}"},
    }
    if kind == "Observation":
        code = source.choice(sorted(_VALUES))
        measured = {
            "valueQuantity": {"value": _VALUES[code], "unit": "1"},
            "effectiveDateTime": now.date().isoformat(),
        }
        group = source.choice(("vital-signs", "laboratory", "survey", "exam"))
        return (
            resource
            | {"category": category(group), "code": {"coding": [{"system": LOINC, "code": code}]}}
            | measured
        )
    if kind == "MedicationRequest":
        drug = {
            "medicationCodeableConcept": {
                "text": source.choice(("Lisinopril 10 mg", "Paracetamol 500 mg"))
            }
        }
        return resource | drug | {"status": "active", "intent": "order"}
    return _named(resource, source.choice(_TEXTS[kind]))


def _named(resource: JsonObject, text: str) -> JsonObject:
    """An entry in words with a valid status of its type."""
    status = {"Procedure": "completed", "ServiceRequest": "active", "DiagnosticReport": "final"}
    kept = {k: v for k, v in resource.items() if k != "status"}
    own = {"status": status[resource["resourceType"]]} if resource["resourceType"] in status else {}
    intent = {"intent": "order"} if resource["resourceType"] == "ServiceRequest" else {}
    return kept | own | intent | {"code": {"text": text}}
