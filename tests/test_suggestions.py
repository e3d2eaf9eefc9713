"""Every resource that a suggestion can carry is valid R4B and about the patient of the call."""

from __future__ import annotations

import pytest

from cds_service import fhir_r4b
from hooks.answer import Finding, applies
from hooks.engine import suggestions
from hooks.engine.recommendation import RESERVED_SUGGESTIONS
from hooks.engine.suggestions import Context
from hooks.values import yaml_file
from tests.unit.hooks.records import order, record

NAMES = sorted({*yaml_file("suggestions.yaml")["suggestions"], *RESERVED_SUGGESTIONS})


@pytest.mark.parametrize("name", NAMES)
def test_suggestion(name: str) -> None:
    found = record(orders=[order()])
    label = found.drafts[0].label
    context = Context(found, {label: found.drafts[0]}, {label: 56})
    finding = Finding("any", applies("any"), order=label)
    built = list(suggestions.build(name, finding, context))
    assert built
    for suggestion in built:
        (action,) = suggestion["actions"]
        assert suggestion["label"]
        assert action["description"]
        if action["type"] == "delete":
            assert action["resourceId"] == label
        else:
            assert fhir_r4b.is_valid(action["resource"])
            assert action["resource"]["subject"] == {"reference": "Patient/p"}


@pytest.mark.parametrize("name", sorted(yaml_file("suggestions.yaml")["suggestions"]))
def test_drafts_are_proposals_and_never_drugs(name: str) -> None:
    found = record()
    finding = Finding("any", applies("any"))
    (built,) = suggestions.build(name, finding, Context(found, {}, {}))
    resource = built["actions"][0]["resource"]
    assert resource["resourceType"] in ("ServiceRequest", "Condition")
    if resource["resourceType"] == "ServiceRequest":
        assert (resource["status"], resource["intent"]) == ("draft", "proposal")
    else:
        assert resource["verificationStatus"]["coding"][0]["code"] == "provisional"
