"""What step P1 of the specification says, worked out from the facts of a chart.

A second reading of recommendations 1.2 to 1.8 and 3.4 P1, written without the rules of the
service: it shares only the vocabulary of facts with the charts. Outside it: resources written out
(`raw`), birth dates without a day, spine studies of single parts.
"""

from __future__ import annotations

from typing import Any

from tests.charts.vocabulary import JsonObject

Item = tuple[str, str]

NEEDED = {"lung": ("EGFR", "ALK"), "breast": ("HER2",), "melanoma": ("BRAF",)}
OPTIONS = {
    "EGFR": "egfr-osimertinib",
    "ALK": "alk-alectinib",
    "HER2": "her2-cns-active-options",
    "BRAF": "braf-mek-inhibitors",
}
TYPICAL = ("linear", "nodular", "both")
NOT_SOLID = ("in_situ", "family_history")


def _counting(entries: Any) -> list[JsonObject]:
    """Entries with a final status that are not of the future; one may stand without a list."""
    listed = entries if isinstance(entries, list) else [entries] if entries else []
    final = ("final", "amended", "corrected")
    return [e for e in listed if e.get("status", "final") in final and e["days"] >= -1]


def cytology_positive(facts: JsonObject) -> bool:
    """Any positive CSF cytology, whatever its age."""
    return any(sample["result"] == "positive" for sample in _counting(facts.get("csf")))


def established(facts: JsonObject) -> bool:
    """Leptomeningeal metastasis by diagnosis or by positive cytology."""
    return facts.get("lm_dx") in ("confirmed", "probable") or cytology_positive(facts)


def covers(facts: JsonObject) -> bool:
    """Whether the chart is one of established metastasis that this reading can tell."""
    spine = (facts.get("mri") or {}).get("spine")
    parts = isinstance(spine, list) and any("part" in study for study in spine)
    told = not facts.get("raw") and not isinstance(facts.get("age"), dict) and not parts
    return told and established(facts)


def _malignancies(facts: JsonObject) -> list[JsonObject]:
    return [c for c in facts.get("cancer") or [] if c["site"] not in NOT_SOLID]


def _solid(facts: JsonObject) -> list[JsonObject]:
    """Solid malignancies; with none at all on record, one of unknown site."""
    found = _malignancies(facts)
    if not found:
        return [{"site": "unknown"}]
    return [c for c in found if c.get("class", "solid") == "solid"]


def adult(facts: JsonObject) -> bool:
    """Known to be 18 or older (whole years only)."""
    return facts.get("age") is not None and facts["age"] >= 18


def _current(value: Any, days: int) -> Any:
    """A score of today or [value, days], if it is no older than this."""
    if value is None:
        return None
    number, age = value if isinstance(value, list) else (value, 0)
    return number if age <= days else None


def performance(facts: JsonObject) -> str:
    """`poor`, `unknown` or `good`."""
    kps, ecog = _current(facts.get("kps"), 30), _current(facts.get("ecog"), 30)
    expected = _current(facts.get("life_expectancy_days"), 30)
    by_score = kps < 70 if kps is not None else ecog in (3, 4, 5)
    if by_score or (expected is not None and expected < 30):
        return "poor"
    return "unknown" if kps is None and ecog in (None, 2) else "good"


def _newest(facts: JsonObject, region: str) -> JsonObject | None:
    studies = _counting((facts.get("mri") or {}).get(region))
    return min(studies, key=lambda study: study["days"], default=None)


def _imaged(facts: JsonObject) -> bool:
    """Brain and whole spine with stated contrast inside the window."""
    limit = 84 if facts.get("on_lm_treatment") else 30
    return all(
        any(
            study.get("contrast") and "part" not in study and study["days"] <= limit
            for study in _counting((facts.get("mri") or {}).get(region))
        )
        for region in ("brain", "spine")
    )


def _letter(facts: JsonObject) -> str | None:
    """`A to C`, `D-normal`, `D-hydrocephalus`; None = not determinable."""
    newest = [_newest(facts, region) for region in ("brain", "spine")]
    patterns = [study.get("pattern") if study else None for study in newest]
    if any(pattern in TYPICAL for pattern in patterns):
        return "A to C"
    if (facts.get("mri") or {}).get("obstructive_hydrocephalus"):
        return "D-hydrocephalus"
    return "D-normal" if all(p in ("normal", "equivocal") for p in patterns) else None


def _markers(facts: JsonObject) -> set[str]:
    """The ids of step 6; markers are those of the patient, whichever tumour states them."""
    held: JsonObject = {}
    for cancer in facts.get("cancer") or []:
        held |= cancer.get("markers") or {}
    found = set()
    for cancer in _solid(facts):
        needed = () if cancer.get("small_cell") else NEEDED.get(cancer["site"], ())
        positive = [marker for marker in needed if held.get(marker) == "pos"]
        found |= {OPTIONS[marker] for marker in positive}
        if not positive and any(held.get(marker) is None for marker in needed):
            found.add("molecular-result-missing")
    return found


def _focal(facts: JsonObject) -> bool:
    live = any(
        symptom["code"] == "cauda_equina" and symptom["days"] is not None and symptom["days"] <= 90
        for symptom in facts.get("symptoms") or []
        if not set(symptom) & {"resolved", "refuted", "negated", "chronic_before_cancer"}
        and "absent_days" not in symptom
    )
    return live or bool(facts.get("focal_symptomatic_lesion"))


def _intrathecal(facts: JsonObject) -> bool:
    obstructed = (facts.get("flow") or {}).get("status") == "obstructed"
    in_csf = cytology_positive(facts) and _letter(facts) in ("A to C", "D-normal")
    return performance(facts) == "good" and in_csf and not obstructed


def _overdue(facts: JsonObject) -> bool:
    newest = facts.get("last_scorecard_days")
    return bool(facts.get("on_lm_treatment")) and (newest is None or newest > 84)


def items(facts: JsonObject) -> frozenset[Item]:
    """The exact items of an established chart; nothing outside the gate."""
    if not adult(facts) or not _solid(facts):
        return frozenset()
    coded = facts.get("lm_dx") in ("confirmed", "probable")
    uncoded = set() if coded else {("positive-csf-uncoded", "warning")}
    if facts.get("hospice"):
        return frozenset(uncoded)
    warnings = {
        "neuraxis-mri-missing": not _imaged(facts),
        "best-supportive-care": performance(facts) == "poor",
    }
    infos = {
        "eano-classification": True,
        "record-kps": performance(facts) == "unknown",
        "focal-radiotherapy": _focal(facts),
        "intrathecal-therapy-option": _intrathecal(facts),
        "follow-up-scorecard": _overdue(facts),
    }
    shown = {(name, "warning") for name, applies in warnings.items() if applies}
    shown |= {(name, "info") for name, applies in infos.items() if applies}
    return frozenset(uncoded | shown | {(name, "info") for name in _markers(facts)})
