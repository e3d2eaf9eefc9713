"""Codes and declarations of a site: what they change, and what they never change."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hooks import NO_SITE, SERVICES, BadSiteFile, Service, Site, content_version, site_of
from hooks.answer import Finding
from hooks.engine.cards import Card
from hooks.fhir import Coding
from hooks.record import Failure, PatientRecord
from hooks.values import file_names, yaml_file
from hooks.values.codes import OWN_VALUE_SETS, memberships, value_set
from hooks.values.overlay import sides
from hooks.values.translation import at_site
from tests.unit.hooks.records import BREAST, LM, NOW, SNOMED, about, coded, order, record

SAMPLE = Path(__file__).parents[3] / "docs" / "samples" / "site.yaml"
LOCAL = "https://hospital.example/codes"
SETS = [file.removesuffix(".json") for file in file_names("value_sets", ".json")]
Json = dict[str, Any]
FREE = "intrathecal_methotrexate_preservative_free"
LISTED = "shunt_always_on_problem_list"
NOT_STATED = order(dosage={"text": "12 mg in 12 mL"})


def entry(name: str, *codes: str, system: str = LOCAL) -> Json:
    """One value set of a site file."""
    concepts = [{"code": code} for code in codes]
    return {"id": name, "compose": {"include": [{"system": system, "concept": concepts}]}}


def mapped(**codes: str) -> Site:
    """A site whose codes join value sets: code -> name, `_` for `-`."""
    return site_of({"value_sets": [entry(name, code) for code, name in codes.items()]})


def declaring(*names: str, **changes: Any) -> Site:
    """A site with these declarations."""
    told = {"declared": True, "by": "A. Example", "date": "2026-10-01"} | changes
    return site_of({"declarations": dict.fromkeys(names, told)})


def at(site: Site, hook: str = "lm-order-sign") -> Service:
    return SERVICES[hook].at(site)


def items(site: Site, found: PatientRecord, hook: str = "lm-order-sign") -> set[tuple[str, str]]:
    return {
        (i.recommendation, i.indicator.value) for i in at(site, hook).items(at_site(found, site))
    }


def cards_at(site: Site, found: PatientRecord) -> tuple[Card, ...]:
    return at(site).cards(at_site(found, site))


def findings_at(site: Site, found: PatientRecord) -> tuple[Finding, ...]:
    return at(site).findings(at_site(found, site))


def local(code: str, text: str | None = None) -> Json:
    return coded(LOCAL, code, text)


# Codes, one example for each kind of value set.


def test_a_local_diagnosis_is_a_cancer() -> None:
    found = record(
        about("Condition", "c", code=local("LUCA"), recordedDate="2025-01-01"),
        about("Condition", "m", code=local("MET"), recordedDate="2026-01-01"),
        about("Condition", "d", code=local("DIPL"), recordedDate="2026-11-15"),
    )
    site = mapped(LUCA="cancer-site-lung", MET="cancer-metastatic", DIPL="symptom-diplopia")
    assert items(NO_SITE, found, "lm-patient-view") == set()
    assert ("suspected-lm", "warning") in items(site, found, "lm-patient-view")


def test_a_local_secondary_makes_the_cancer_metastatic_and_is_none_of_its_own() -> None:
    from hooks.readings.chart import Chart

    secondary = about("Condition", "m", code=local("MET"), recordedDate="2026-01-01")
    site = mapped(MET="cancer-metastatic")
    beside = Chart(at_site(record(BREAST, secondary), site)).malignancies
    assert [entry.site for entry in beside.entries] == ["breast"]
    assert beside.metastatic
    alone = Chart(at_site(record(secondary), site)).malignancies
    assert [entry.site for entry in alone.entries] == ["unknown"]


def test_a_local_code_may_name_two_findings() -> None:
    from hooks.readings.symptoms import named_findings

    site = site_of({"value_sets": [entry("symptom-headache", "HV"),
                                   entry("symptom-nausea-vomiting", "HV")]})  # fmt: skip
    condition = about("Condition", "s", code=local("HV"), recordedDate="2026-11-20")
    read = at_site(record(condition), site).resources["Condition"][0]
    assert {name for name, _ in named_findings(read.code)} == {"headache", "nausea-vomiting"}  # type: ignore[attr-defined]


VINCRISTINE = order(medicationCodeableConcept=local("VCR"))


def test_a_local_drug_is_stopped_on_its_way_into_the_csf() -> None:
    found = record(BREAST, orders=[VINCRISTINE])
    assert items(NO_SITE, found) == {("mtx-not-verifiable", "warning")}
    site = mapped(VCR="drug-vincristine")
    assert items(site, found) == {("vinca-intrathecal", "critical")}


def contained(code: str) -> Json:
    medication = {"resourceType": "Medication", "id": "m", "code": local(code)}
    held = order(medicationReference={"reference": "#m"}, contained=[medication])
    del held["medicationCodeableConcept"]
    return held


def test_a_local_drug_in_a_contained_medication_is_read() -> None:
    found = record(BREAST, orders=[contained("VCR")])
    assert items(NO_SITE, found) == {("mtx-not-verifiable", "warning")}
    assert items(mapped(VCR="drug-vincristine"), found) == {("vinca-intrathecal", "critical")}


@pytest.mark.parametrize("broken", ["text", [1], [{"code": 5}]])
def test_contained_codings_that_are_none_stay_unreadable(broken: Any) -> None:
    held = contained("VCR")
    held["contained"].append({"resourceType": "Device", "id": "x", "type": {"coding": broken}})
    found = record(BREAST, orders=[held])
    assert items(mapped(VCR="drug-vincristine"), found) == {("vinca-intrathecal", "critical")}


def test_a_local_drug_that_is_referred_to_is_read() -> None:
    from hooks.fhir import Medication, read_resource

    held = order(medicationReference={"reference": "Medication/m"})
    del held["medicationCodeableConcept"]
    drug = read_resource({"resourceType": "Medication", "id": "m", "code": local("VCR")})
    assert isinstance(drug, Medication)
    found = replace(record(BREAST, orders=[held]), medications={"Medication/m": drug})
    assert items(mapped(VCR="drug-vincristine"), found) == {("vinca-intrathecal", "critical")}


@pytest.mark.parametrize(
    ("name", "unread"),
    [("interacting-penicillin", False), ("form-pf", True), ("form-preserved", True)],
)
def test_a_code_of_another_drug_is_read_and_a_formulation_alone_is_no_drug(
    name: str, unread: bool
) -> None:
    from hooks.readings.medication import Drug, drug_of, product_of

    found = record(orders=[order(medicationCodeableConcept=local("X"))])
    request = at_site(found, mapped(X=name)).drafts[0].resource
    drug = drug_of(product_of(request, {}))  # type: ignore[arg-type]
    assert drug is (Drug.UNREADABLE if unread else Drug.OTHER)


PLATELETS = about(
    "Observation",
    "plt",
    status="final",
    code=local("THR"),
    effectiveDateTime="2026-11-20",
    valueQuantity={"value": 19, "unit": "10*9/L"},
)
LUMBAR = order(dosage={"site": {"text": "lumbar"}})


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("10*9/L", "critical"), ("/uL", "critical"), ("cells", None)],
)
def test_a_local_laboratory_code_keeps_the_rule_of_units(unit: str, expected: str | None) -> None:
    result = PLATELETS | {"valueQuantity": {"value": 19, "unit": unit}}
    shown = dict(items(mapped(THR="platelets"), record(BREAST, LM, result, orders=[LUMBAR])))
    assert shown.get("mtx-lumbar-access-safety") == expected
    assert "mtx-lumbar-access-safety" not in dict(
        items(NO_SITE, record(BREAST, LM, result, orders=[LUMBAR]))
    )


def test_a_local_route_is_intrathecal() -> None:
    found = record(BREAST, LM, orders=[order(dosage={"route": local("ITH")})])
    assert ("mtx-route-not-coded", "warning") in items(NO_SITE, found)
    assert "mtx-route-not-coded" not in dict(items(mapped(ITH="route-it"), found))


def test_a_local_route_is_intravenous() -> None:
    held = order(dosage={"text": "12 mg", "route": local("VEIN"), "site": None})
    found = record(BREAST, LM, orders=[held])
    assert ("mtx-route-not-coded", "warning") in items(NO_SITE, found)
    assert items(mapped(VEIN="route-iv"), found) == set()


def test_one_local_order_of_the_neuraxis_counts_for_brain_and_spine() -> None:
    from hooks.readings.chart import Chart

    sites = [entry("order-mri-brain", "NEURO"), entry("order-mri-spine", "NEURO")]
    request = about(
        "ServiceRequest", "r", status="active", intent="order", code=local("NEURO"),
        authoredOn="2026-11-20",
    )  # fmt: skip
    both, one = site_of({"value_sets": sites}), site_of({"value_sets": sites[:1]})
    assert Chart(at_site(record(request), both)).ordered.neuraxis_mri
    assert not Chart(at_site(record(request), one)).ordered.neuraxis_mri


def test_a_local_specimen_type_is_csf() -> None:
    from hooks.fhir import Specimen, read_resource
    from hooks.readings.chart import Chart

    specimen = read_resource(about("Specimen", "s", type=local("CSF")))
    assert isinstance(specimen, Specimen)
    report = about(
        "DiagnosticReport", "r", status="final", effectiveDateTime="2026-11-10",
        code=local("CYT"), specimen=[{"reference": "Specimen/s"}],
        conclusion="Positive for malignant cells.",
    )  # fmt: skip
    found = replace(record(report), specimens={"Specimen/s": specimen})
    site = mapped(CSF="csf-specimen", CYT="cytology-report")
    assert Chart(at_site(found, site)).cytologies.positive
    assert not Chart(at_site(found, mapped(CYT="cytology-report"))).cytologies.positive


def test_a_published_code_keeps_its_meaning_beside_a_local_one() -> None:
    found = record(
        about("Condition", "c", code={"coding": [
            {"system": LOCAL, "code": "X"}, {"system": SNOMED, "code": "254837009"}]}),
    )  # fmt: skip
    read = at_site(found, mapped(X="hospice")).resources["Condition"][0]
    names = [set(memberships(c)) for c in read.code.coding]  # type: ignore[attr-defined]
    assert names == [set(), {"cancer-site-breast"}, {"hospice"}]


def test_the_orders_as_sent_stay_as_they_are() -> None:
    found = record(BREAST, orders=[VINCRISTINE])
    before = copy.deepcopy(found.drafts[0].raw)
    assert at_site(found, mapped(VCR="drug-vincristine")).drafts[0].raw == before


def test_an_order_that_cannot_be_read_stays_unreadable() -> None:
    found = record(BREAST, orders=[{"resourceType": "MedicationRequest", "id": 5}])
    assert at_site(found, mapped(X="hospice")).drafts[0].resource is None


@pytest.mark.parametrize("name", SETS)
def test_every_value_set_can_be_joined(name: str) -> None:
    concept = about("Condition", "c", code=local("X"))
    read = at_site(record(concept), mapped(X=name)).resources["Condition"][0]
    assert set(memberships(read.code.coding[-1])) == {name}  # type: ignore[attr-defined]


def test_a_record_without_local_codes_is_the_same_record() -> None:
    found = record(BREAST, LM, PLATELETS, orders=[order()])
    read = at_site(found, mapped(X="hospice"))
    assert read.resources == found.resources
    assert all(new is old for new, old in zip(
        read.resources["Observation"], found.resources["Observation"], strict=True))  # fmt: skip


@pytest.mark.parametrize(
    ("alias", "system"),
    [
        ("1", "http://loinc.org"),
        ("69", "http://hl7.org/fhir/sid/ndc"),
        ("88", "http://www.nlm.nih.gov/research/umls/rxnorm"),
        ("90", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("96", "http://snomed.info/sct"),
    ],
)
def test_an_alias_of_a_system_is_the_same_system(alias: str, system: str) -> None:
    oid = f"urn:oid:2.16.840.1.113883.6.{alias}"
    site = site_of({"value_sets": [entry("platelets", "9999-9", system=oid)]})
    assert set(site.codes) == {(system, "9999-9")}


# What is refused.


def refused(*entries: Json, **declarations: Any) -> str:
    document: Json = {"value_sets": list(entries)}
    if declarations:
        document["declarations"] = declarations
    with pytest.raises(BadSiteFile) as problem:
        site_of(document)
    return str(problem.value)


def test_an_unknown_value_set_is_refused() -> None:
    told = refused(entry("hospice", "A"), entry("route-itt", "B"))
    assert told.startswith("$.value_sets[1].id: there is no value set of this name; use ")


@pytest.mark.parametrize(
    ("entries", "place"),
    [
        ([entry("route-it", "A"), entry("route-iv", "A")], "$.value_sets[1]"),
        ([entry("platelets", "A"), entry("inr", "A")], "$.value_sets[1]"),
        ([entry("cancer-site-lung", "254837009", system=SNOMED)], "$.value_sets[0]"),
        ([entry("cancer-site-lung", "C50.9", system=BREAST["code"]["coding"][0]["system"])],
         "$.value_sets[0]"),
        ([entry("form-pf", "61703-350-38", system="http://hl7.org/fhir/sid/ndc")],
         "$.value_sets[0]"),
        ([entry("symptom-headache", "A"), entry("symptom-not-counted", "A")], "$.value_sets[1]"),
    ],
)  # fmt: skip
def test_a_code_that_would_mean_two_things_is_refused(entries: list[Json], place: str) -> None:
    told = refused(*entries)
    assert told.startswith(f"{place}.compose.include[0].concept[0]: the code would mean two things")
    assert told.endswith("; leave it in one of them")


def test_what_a_code_would_mean_is_told() -> None:
    told = refused(entry("route-it", "A"), entry("route-iv", "A"))
    assert "(route: route-it, route-iv)" in told


def test_a_code_that_is_ours_already_may_stand_there() -> None:
    assert site_of({"value_sets": [entry("platelets", "777-3", system="http://loinc.org")]}).codes


def changed(value: Json, **members: Any) -> Json:
    """A copy of a value set whose first include has other members; None removes one."""
    found = copy.deepcopy(value)
    include = found["compose"]["include"][0]
    include |= members
    for name in [name for name, member in members.items() if member is None]:
        del include[name]
    return found


HOSPICE = entry("hospice", "A")


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (changed(HOSPICE, concept=[{"display": "Hospice"}]), "concept[0]: 'code' is a required"),
        (changed(HOSPICE, concept=[{"code": ""}]), "concept[0].code: ''"),
        (changed(HOSPICE, concept=[{"code": "A "}]), "concept[0].code: 'A '"),
        (changed(HOSPICE, concept=[{"code": 5}]), "concept[0].code: 5 is not of type 'string'"),
        (changed(HOSPICE, concept=[]), "concept: "),
        (changed(HOSPICE, concept=None), "include[0]: 'concept' is a required"),
        (changed(HOSPICE, system=None), "include[0]: 'system' is a required"),
        (changed(HOSPICE, system="LOINC"), "system: 'LOINC'"),
        (changed(HOSPICE, filter=[{"property": "concept", "op": "is-a", "value": "X"}]),
         "include[0]: Additional properties"),
        (HOSPICE | {"compose": HOSPICE["compose"] | {"exclude": []}}, "compose: Additional"),
        (HOSPICE | {"resourceType": "CodeSystem"}, "resourceType: 'ValueSet' was expected"),
    ],
)  # fmt: skip
def test_another_shape_is_refused_with_its_place(value: Json, place: str) -> None:
    told = refused(value)
    assert told.startswith("$.value_sets[0]")
    assert place in told
    assert "; " in told


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"by": None}, "'by' is a required property"),
        ({"date": None}, "'date' is a required property"),
        ({"declared": None}, "'declared' is a required property"),
        ({"declared": "yes"}, ".declared: 'yes' is not of type 'boolean'"),
        ({"by": "<b>me</b>"}, ".by: "),
        ({"by": "A\nB"}, ".by: "),
        ({"date": "2026-02-30"}, ".date: there is no such day; write it as"),
        ({"date": "1 Oct 2026"}, ".date: '1 Oct 2026' does not match"),
    ],
)
def test_a_declaration_needs_name_and_date(change: Json, place: str) -> None:
    told = {"declared": True, "by": "A. Example", "date": "2026-10-01"} | change
    given = {name: value for name, value in told.items() if value is not None}
    assert place in refused(HOSPICE, **{FREE: given})


def test_an_unknown_declaration_is_refused() -> None:
    assert "Additional properties" in refused(HOSPICE, everything_is_safe={})


@pytest.mark.parametrize("document", [None, [], "text", {}])
def test_no_document_is_refused(document: Any) -> None:
    with pytest.raises(BadSiteFile, match=r"^\$: "):
        site_of(document)


@pytest.mark.parametrize("code", ["A B", "A,B", "A|B", "A&B", "A$B", "A#B", "A%B", "Ä"])
def test_a_result_code_that_cannot_be_searched_for_is_refused(code: str) -> None:
    assert "cannot be searched for" in refused(entry("platelets", code))
    assert site_of({"value_sets": [entry("hospice", code)]}).codes


def test_the_search_stays_short_enough() -> None:
    codes = [f"CODE{n:03}" for n in range(200)]
    assert "the search labs would be too long" in refused(entry("platelets", *codes))
    assert site_of({"value_sets": [entry("hospice", *codes)]}).codes
    needs = at(site_of({"value_sets": [entry("egfr", *codes[:40])]})).needs
    longest = max(len(need.query.replace("|", "%7C")) for need in needs)
    assert longest <= 3500


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cancer-not-a-cancer", "cancer-site-lung"),
        ("cancer-not-a-cancer", "cancer-class-heme"),
        ("cancer-not-a-cancer", "cancer-metastatic"),
        ("lm-diagnosis", "cancer-site-breast"),
        ("lm-diagnosis", "lm-not"),
        ("lm-only-with-text", "lm-not"),
        ("form-pf", "form-preserved"),
        ("form-pf", "methotrexate-not-injectable-into-csf"),
        ("form-preserved", "methotrexate-not-injectable-into-csf"),
    ],
)
def test_a_set_that_stands_in_two_groups_excludes_in_both(one: str, other: str) -> None:
    assert "would mean two things" in refused(entry(one, "X"), entry(other, "X"))


def test_a_search_of_3500_characters_is_the_longest() -> None:
    labs = next(need for need in SERVICES["lm-order-sign"].needs if need.key == "labs")
    room = 3500 - len(labs.query)
    share = len(f",{LOCAL}%7C")
    codes = [f"{n:0{50 - share}}" for n in range(room // 50 - 1)]
    last = "x" * (room - 50 * len(codes) - share)
    assert site_of({"value_sets": [entry("platelets", *codes, last)]}).codes
    assert "the search labs would be too long" in refused(entry("platelets", *codes, last + "x"))


# What is asked.


def test_results_are_asked_for_by_the_codes_of_the_site() -> None:
    sets = {"platelets": "labs", "inr": "labs", "egfr": "labs", "kps": "codedObservations",
            "ecog": "codedObservations", "cytology-report": "codedObservations",
            "marker-her2-by-value": "codedObservations"}  # fmt: skip
    for name, key in sets.items():
        queries = {need.key: need.query for need in at(mapped(X=name)).needs}
        own = {need.key: need.query for need in SERVICES["lm-order-sign"].needs}
        assert {k for k in own if own[k] != queries[k]} == {key}
        assert f",{LOCAL}|X&_count=" in queries[key]


def test_the_listed_value_sets_are_those_of_the_query() -> None:
    """Every code that a query lists is in a value set that the need names, and the other way."""
    for row in yaml_file("needs.yaml")["needs"].values():
        if "code=" not in row["query"]:
            assert "value_sets" not in row
            continue
        listed = row["query"].split("code=")[1].split("&")[0].split(",")
        asked = {tuple(code.split("|")) for code in listed}
        known = set().union(*(value_set(name).exact for name in row["value_sets"]))
        assert asked <= known
        assert all(value_set(name).exact & asked for name in row["value_sets"])


# Our own value sets obey the same rule, and every one has its place in it.


def test_every_value_set_has_its_place_among_the_exclusive_ones() -> None:
    grouped = {name for group in sides().values() for side in group for name in side}
    free = set(yaml_file("exclusive_sets.yaml")["any"])
    assert grouped | free == set(SETS)
    assert not grouped & free


@pytest.mark.parametrize("name", SETS)
def test_our_own_codes_mean_one_thing(name: str) -> None:
    """Of several ICD-10-CM entries the longest counts."""
    found = value_set(name)
    icd = BREAST["code"]["coding"][0]["system"]
    for system, code in (*found.exact, *((icd, prefix) for prefix in found.prefixes)):
        meant = memberships(Coding(system, code))
        for group in sides().values():
            within = {n: rank for side in group for n, rank in meant.items() if n in side}
            best = [n for n, rank in within.items() if rank == max(within.values())]
            assert len([side for side in group if set(side) & set(best)]) <= 1, (name, code)


def test_the_name_of_a_value_set_is_a_code_of_ours() -> None:
    assert memberships(Coding(OWN_VALUE_SETS, "route-it")) == {"route-it": 100}
    assert memberships(Coding(OWN_VALUE_SETS, "route")) == {}


# The version.


def test_the_content_version_names_the_site() -> None:
    site = mapped(X="hospice")
    version = at(site).content_version
    assert version == f"{content_version()}+site.{site.version}"
    assert len(site.version) == 12
    assert at(NO_SITE).content_version == content_version()
    assert mapped(X="hospice").version == site.version != mapped(Y="hospice").version


def test_every_card_names_the_version_of_the_site() -> None:
    site = declaring(FREE)
    for card in cards_at(site, record(BREAST, LM, orders=[NOT_STATED])):
        basis = card.body["extension"]["org.lm-cds-hooks.basis"]
        assert basis["contentVersion"] == at(site).content_version


# Declarations.


def remarks(cards: tuple[Card, ...], words: str) -> list[bool]:
    return [words in card.body["detail"] for card in cards]


FORMULATION = (
    "Formulation not stated; this site declared on 1 Oct 2026 (by A. Example) that intrathecal "
    "methotrexate is dispensed preservative-free."
)
SHUNT = (
    "Shunt status not stated; this site declared on 1 Oct 2026 (by A. Example) that a shunt is "
    "always on the problem list, and none is listed there."
)


def test_not_declared_the_formulation_is_unknown() -> None:
    found = record(BREAST, LM, orders=[NOT_STATED])
    assert ("mtx-preservative", "warning") in items(NO_SITE, found)
    assert ("mtx-preservative", "warning") in items(declaring(LISTED), found)
    assert ("mtx-preservative", "warning") in items(declaring(FREE, declared=False), found)


def test_declared_preservative_free_it_is_told_on_the_cards_of_the_order() -> None:
    found = record(BREAST, LM, orders=[NOT_STATED])
    assert "mtx-preservative" not in dict(items(declaring(FREE), found))
    cards = cards_at(declaring(FREE), found)
    assert cards
    assert all(remarks(cards, FORMULATION))
    assert not any(remarks(cards, SHUNT))


def test_a_declaration_that_is_not_needed_is_not_told() -> None:
    cards = cards_at(declaring(FREE), record(BREAST, LM, orders=[order()]))
    assert cards
    assert not any(remarks(cards, "declared"))


def test_a_preserved_product_stays_critical() -> None:
    preserved = order(dosage={"text": "12 mg in 12 mL, contains preservative"})
    found = record(BREAST, LM, orders=[preserved])
    assert ("mtx-preservative", "critical") in items(declaring(FREE), found)


def test_an_order_whose_route_is_only_inferred_is_not_covered() -> None:
    inferred = order(dosage={"text": "12 mg", "route": None, "site": None})
    found = record(BREAST, LM, orders=[inferred])
    assert ("mtx-preservative", "warning") in items(declaring(FREE), found)


def test_an_order_that_names_the_route_is_covered() -> None:
    named = order(dosage={"text": "12 mg intrathecally", "route": None, "site": None})
    found = record(BREAST, LM, orders=[named])
    assert ("mtx-preservative", "warning") in items(NO_SITE, found)
    assert "mtx-preservative" not in dict(items(declaring(FREE), found))


def test_only_the_cards_of_the_order_that_relied_on_it_say_so() -> None:
    high = {"doseAndRate": [{"doseQuantity": {"value": 50, "unit": "mg"}}]}
    stated = order("stated", dosage={"text": "preservative-free", **high})
    unstated = order("unstated", dosage={"text": "12 mg in 12 mL"},
                     subject={"reference": "Patient/p"})  # fmt: skip
    for finding in findings_at(declaring(FREE), record(BREAST, LM, orders=[stated, unstated])):
        if finding.indicator:
            relied = finding.order == "MedicationRequest/unstated"
            assert (FREE in finding.verdict.remarks) is relied, finding


def unverified(site: Site, found: PatientRecord) -> tuple[str, ...]:
    """What the order's card names as not verified."""
    named = [f for f in findings_at(site, found) if f.recommendation == "mtx-not-verifiable"]
    return named[0].verdict.unknowns


def test_not_declared_a_shunt_is_unknown() -> None:
    assert "shunt status" in unverified(NO_SITE, record(BREAST, LM, orders=[order()]))


def test_declared_on_the_problem_list_there_is_no_shunt() -> None:
    found = record(BREAST, LM, orders=[order()])
    assert "shunt status" not in unverified(declaring(LISTED), found)
    cards = cards_at(declaring(LISTED), found)
    assert cards
    assert all(remarks(cards, SHUNT))
    assert not any(remarks(cards, FORMULATION))


@pytest.mark.parametrize("reason", ["timeout", "http-403", "truncated", "unreadable"])
def test_a_problem_list_that_was_not_read_completely_lists_nothing(reason: str) -> None:
    failures = [Failure("Condition", reason)]
    found = record(BREAST, LM, orders=[order()], failures=failures)
    assert "shunt status" in unverified(declaring(LISTED), found)
    assert not any(remarks(cards_at(declaring(LISTED), found), "always on the problem list"))


def test_an_empty_problem_list_that_was_read_lists_no_shunt() -> None:
    assert "shunt status" not in unverified(declaring(LISTED), record(orders=[order()]))


def shunt(**members: Any) -> Json:
    return about("Condition", "shunt", code={"text": "VP shunt"}, **members)


@pytest.mark.parametrize(
    "members",
    [
        {"clinicalStatus": {"coding": [{"code": "resolved"}]}},
        {"abatementDateTime": "2026-01-01"},
    ],
)
def test_an_ended_entry_leaves_the_shunt_unknown(members: Json) -> None:
    found = record(BREAST, LM, shunt(**members), orders=[order()])
    assert "shunt status" in unverified(declaring(LISTED), found)


def test_an_entry_in_error_is_no_entry() -> None:
    wrong = shunt(verificationStatus={"coding": [{"code": "entered-in-error"}]})
    found = record(BREAST, LM, wrong, orders=[order()])
    assert "shunt status" not in unverified(declaring(LISTED), found)


@pytest.mark.parametrize(
    "source",
    [
        shunt(),
        {"resourceType": "Device", "id": "d", "patient": {"reference": "Patient/p"},
         "type": {"text": "VP shunt"}},
        about("Procedure", "s", status="completed", code={"text": "VP shunt placement"},
              performedDateTime="2020-01-01"),
    ],
)  # fmt: skip
def test_a_shunt_on_record_is_never_declared_away(source: Json) -> None:
    found = record(BREAST, LM, source, orders=[order()])
    assert items(declaring(LISTED), found) == items(NO_SITE, found)
    assert ("mtx-shunt", "critical") in items(NO_SITE, found)


def test_hydrocephalus_stays_what_it_is() -> None:
    hydrocephalus = about("Condition", "h", code={"text": "hydrocephalus"})
    found = record(BREAST, LM, hydrocephalus, orders=[order()])
    before = dict(items(NO_SITE, found))["mtx-shunt"]
    assert dict(items(declaring(LISTED), found))["mtx-shunt"] == before


@pytest.mark.parametrize(
    ("day", "holds"), [("2026-11-21", True), ("2026-11-22", False), ("2026-10-01", True)]
)
def test_a_declaration_holds_from_its_day_on(day: str, holds: bool) -> None:
    found = record(BREAST, LM, orders=[NOT_STATED])
    shown = dict(items(declaring(FREE, date=day), found))
    assert ("mtx-preservative" not in shown) is holds


def explained(site: Site, name: str) -> Json:
    found = at_site(record(BREAST, LM, orders=[NOT_STATED]), site)
    entries = at(site).explanation(found)
    return next(entry for entry in entries if entry["id"] == name)


@pytest.mark.parametrize(
    ("name", "recommendation", "label"),
    [
        (FREE, "mtx-preservative", "site declares: intrathecal methotrexate is preservative-free"),
        (LISTED, "mtx-shunt", "site declares: a shunt is always on the problem list"),
    ],
)
def test_the_explanation_shows_the_declaration(name: str, recommendation: str, label: str) -> None:
    found = explained(declaring(name), recommendation)
    evidence = [each for fact in found["facts"] for each in fact["evidence"]]
    assert found["outcome"] == "does not apply"
    assert {
        "reference": f"declaration/{name}",
        "label": label,
        "value": "by A. Example",
        "date": "2026-10-01",
        "matched": "declaration",
    } in evidence


def test_without_a_card_nothing_is_told() -> None:
    """A clean order in a complete chart stays silent with both declarations."""
    flow = about(
        "DiagnosticReport", "f", status="final", effectiveDateTime="2026-11-18",
        code={"text": "CSF flow study"}, conclusion="Normal CSF flow.",
    )  # fmt: skip
    found = record(BREAST, LM, flow, orders=[NOT_STATED])
    assert cards_at(declaring(FREE, LISTED), found) == ()
    assert cards_at(NO_SITE, found) != ()


# Properties.

_VERDICT_CHANGES = {
    FREE: {("mtx-preservative", "warning")},
    LISTED: {("mtx-not-verifiable", "warning"), ("mtx-not-verifiable", "info")},
}


@given(
    names=st.sets(st.sampled_from([FREE, LISTED])),
    text=st.sampled_from(["12 mg", "12 mg preservative-free", "12 mg with preservative", ""]),
    milligrams=st.sampled_from([2, 12, 15, 16, 50]),
    extra=st.lists(st.sampled_from([shunt(), PLATELETS, LM]), unique_by=id),
    failures=st.lists(st.sampled_from(["Condition", "Device", "Procedure"]), unique=True),
)
def test_a_declaration_only_takes_away_what_it_speaks_of(
    names: set[str], text: str, milligrams: int, extra: list[Json], failures: list[str]
) -> None:
    held = order(dosage={"text": text, "doseAndRate": [
        {"doseQuantity": {"value": milligrams, "unit": "mg"}}]})  # fmt: skip
    found = record(
        BREAST, *extra, orders=[held], failures=[Failure(name, "timeout") for name in failures]
    )
    before, after = items(NO_SITE, found), items(declaring(*names), found)
    allowed = set().union(*(_VERDICT_CHANGES[name] for name in names))
    assert before - after <= allowed
    assert after - before <= allowed
    critical = {item for item in before if item[1] == "critical"}
    assert critical == {item for item in after if item[1] == "critical"}


_ANY = st.sampled_from(SETS)


@given(name=_ANY, other=_ANY)
def test_two_meanings_are_refused_exactly_where_they_exclude_each_other(
    name: str, other: str
) -> None:
    document = {"value_sets": [entry(name, "X"), entry(other, "X")]}
    apart = any(
        any(name in a and other in b for a in group for b in group if a is not b)
        for group in sides().values()
    )
    if apart:
        with pytest.raises(BadSiteFile):
            site_of(document)
    else:
        assert set(site_of(document).codes[LOCAL, "X"]) == {name, other}


def test_the_sample_file_is_a_site() -> None:
    text = SAMPLE.read_text(encoding="utf-8")
    document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    for told in document["declarations"].values():
        told["declared"] = told["declared"] == "true"
    site = site_of(document)
    assert len(site.declarations) == 2
    found = record(BREAST, LM, orders=[NOT_STATED])
    assert items(site, found) == {("mtx-not-verifiable", "warning")}


def test_a_declaration_is_asked_at_the_time_of_the_call() -> None:
    early = record(BREAST, LM, orders=[NOT_STATED], now=datetime(2026, 9, 30, 12, tzinfo=UTC))
    assert NOW.date() > date(2026, 10, 1)
    assert ("mtx-preservative", "warning") in items(declaring(FREE), early)
