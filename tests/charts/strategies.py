"""Random facts within the vocabulary, for properties that hold for every patient."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.charts.writer import STYLES

Facts = dict[str, Any]

styles = st.sampled_from(STYLES)

_AGES = st.sampled_from([None, 0, 1, 2, 5, 9, 17, 18, 54, 80])
_CANCERS: list[list[Facts]] = [
    [],
    [{"site": "breast", "metastatic": True}],
    [{"site": "lung"}],
    [{"site": "colon", "metastatic": True}],
    [{"site": "colon"}],
    [{"site": "ALL", "class": "heme"}],
    [{"site": "breast"}, {"site": "ALL", "class": "heme"}],
    [{"site": "glioblastoma", "class": "cns"}],
    [{"site": "breast", "history": True}],
]
_SAMPLES = st.fixed_dictionaries(
    {
        "days": st.integers(0, 100),
        "result": st.sampled_from(
            ["positive", "negative", "equivocal", "inadequate", "pending", "unclassifiable"]
        ),
        "volume": st.sampled_from([None, 3, 5, 12]),
        "delay_min": st.sampled_from([None, 20, 30, 45]),
        "fixed": st.sampled_from([None, True]),
    }
)
_STUDY = st.none() | st.fixed_dictionaries(
    {
        "days": st.integers(0, 120),
        "contrast": st.sampled_from([True, None]),
        "pattern": st.sampled_from([None, "normal", "linear", "nodular", "both", "equivocal"]),
    }
)
_FINDINGS = [
    "diplopia",
    "headache",
    "cauda_equina",
    "papilloedema",
    "back_pain",
    "nausea_vomiting",
    "limb_weakness",
]
_SYMPTOMS = st.lists(
    st.fixed_dictionaries({"code": st.sampled_from(_FINDINGS), "days": st.integers(0, 100)}),
    max_size=3,
)
_LABS = st.fixed_dictionaries(
    {},
    optional={
        "plt": st.tuples(st.sampled_from([10, 19, 20, 35, 49, 50, 180]), st.integers(0, 10)).map(
            list
        ),
        "inr": st.tuples(st.sampled_from([1.0, 1.4, 1.41, 1.5, 1.6]), st.integers(0, 10)).map(list),
        "egfr": st.tuples(st.sampled_from([20, 30, 80]), st.integers(0, 300)).map(list),
    },
)
_LM = st.sampled_from([None, "confirmed", "probable", "suspected"])


@st.composite
def _person(draw: st.DrawFn) -> Facts:
    """What both hooks read."""
    brain, spine = draw(_STUDY), draw(_STUDY)
    masses = {"posterior_fossa_mass": True} if brain and draw(st.booleans()) else {}
    return {
        "age": draw(_AGES),
        "cancer": draw(st.sampled_from(_CANCERS)),
        "lm_dx": draw(_LM),
        "csf": draw(st.lists(_SAMPLES, max_size=2)),
        "mri": {"brain": brain, "spine": spine, **masses},
        "symptoms": draw(_SYMPTOMS),
        "labs": draw(_LABS),
        "kps": draw(st.sampled_from([None, 50, 70, 90])),
        "hospice": draw(st.sampled_from([None, None, None, True])),
    }


@st.composite
def patient_view_facts(draw: st.DrawFn) -> Facts:
    """A patient whose chart is opened."""
    extra = {
        "orders": draw(st.lists(st.sampled_from(["lp", "mri_neuraxis"]), unique=True)),
        "emetogenic_chemo_days": draw(st.sampled_from([None, 3, 9])),
        "anticoagulant_not_held": draw(st.sampled_from([None, True])),
    }
    refuted = {"lm_dx": "refuted_recent", "refuted_days": draw(st.integers(0, 70))}
    return draw(_person()) | extra | (refuted if draw(st.integers(0, 5)) == 0 else {})


_FLOW = st.none() | st.fixed_dictionaries(
    {
        "status": st.sampled_from(["normal", "restored", "obstructed", "inconclusive"]),
        "days": st.integers(0, 70),
    }
)
_RT = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["CSI", "WBRT", "spine", "breast"]),
            "status": st.sampled_from(["planned", "active", "completed"]),
            "days": st.sampled_from([1, 20, 30, 31, 365, 366]),
        }
    ),
    max_size=2,
)
_DOSES = st.sampled_from([1, 2, 6, 8, 10, 12, 12.6, 15, 15.01, 20])
_HISTORY = st.lists(
    st.tuples(st.sampled_from([12, 47.9, 48, 100, 144, 200]), st.sampled_from([2, 12, None])).map(
        list
    ),
    max_size=2,
)
_ORDER = st.fixed_dictionaries(
    {
        "drug": st.just("methotrexate"),
        "route": st.just("IT"),
        "access": st.sampled_from(["ommaya", "lumbar", None]),
        "dose": _DOSES,
        "unit": st.sampled_from(["mg", "mg", "mg", "mg/m2"]),
        "form": st.sampled_from(["PF", "preserved", None]),
        "frequency": st.sampled_from([None, None, "daily"]),
        "planned_h": st.sampled_from([None, 24]),
    }
)
_MARKER = st.sampled_from([None, "pos", "neg"])
_TUMOURS = {
    "lung": st.fixed_dictionaries({"EGFR": _MARKER, "ALK": _MARKER}),
    "breast": st.fixed_dictionaries({"HER2": _MARKER}),
    "melanoma": st.fixed_dictionaries({"BRAF": _MARKER}),
    "colon": st.just({}),
}


@st.composite
def _tumour(draw: st.DrawFn, site: str) -> Facts:
    """One malignancy with what is known of its markers."""
    markers = {name: result for name, result in draw(_TUMOURS[site]).items() if result}
    small = {"small_cell": True} if site == "lung" and draw(st.integers(0, 4)) == 0 else {}
    return {"site": site, "metastatic": draw(st.booleans()), "markers": markers, **small}


@st.composite
def _tumours(draw: st.DrawFn) -> list[Facts]:
    """One or two solid tumours; sometimes none, or only what no guideline of LM covers."""
    odd: list[list[Facts]] = [
        [],
        [{"site": "ALL", "class": "heme"}],
        [{"site": "glioblastoma", "class": "cns"}],
        [{"site": "secondary_only", "metastatic": True}],
    ]
    if draw(st.integers(0, 7)) == 0:
        return draw(st.sampled_from(odd))
    sites = draw(st.lists(st.sampled_from(sorted(_TUMOURS)), min_size=1, max_size=2, unique=True))
    return [draw(_tumour(site)) for site in sites]


def _scored(values: list[int]) -> st.SearchStrategy[list[int] | None]:
    """A score with its age around the window, or none."""
    dated = st.tuples(st.sampled_from(values), st.sampled_from([0, 7, 30, 31])).map(list)
    return st.none() | dated


_IMAGED = st.none() | st.fixed_dictionaries(
    {
        "days": st.sampled_from([0, 5, 29, 30, 31, 84, 85, 400]),
        "contrast": st.sampled_from([True, True, True, None, False]),
        "pattern": st.sampled_from([None, "normal", "normal", "linear", "nodular", "equivocal"]),
    }
)
_ESTABLISHING = [
    {"lm_dx": "confirmed"},
    {"lm_dx": "probable"},
    {"csf": [{"days": 9, "result": "positive"}]},
    {"csf": [{"days": 400, "result": "positive", "volume": 12}], "lm_dx": "suspected"},
    {"csf": [{"days": 9, "result": "positive", "volume": 12}], "lm_dx": "confirmed"},
    {"csf": [{"days": 9, "result": "positive"}, {"days": 2, "result": "negative"}]},
    {"csf": [{"days": 9, "result": "equivocal", "volume": 12}], "lm_dx": "confirmed"},
]


@st.composite
def established_facts(draw: st.DrawFn) -> Facts:
    """A patient with established leptomeningeal metastasis whose chart is opened."""
    brain, spine = draw(_IMAGED), draw(_IMAGED)
    masses = {"obstructive_hydrocephalus": True} if draw(st.integers(0, 4)) == 0 else {}
    found = st.lists(
        st.fixed_dictionaries(
            {"code": st.just("cauda_equina"), "days": st.sampled_from([2, 90, 91])}
        )
        | st.just({"code": "diplopia", "days": 4}),
        max_size=1,
    )
    treatments = [None, None, True, "intrathecal", "lorlatinib"]
    return draw(st.sampled_from(_ESTABLISHING)) | {
        "age": draw(st.sampled_from([17, 18, 54, 54, 54, 80, None])),
        "cancer": draw(_tumours()),
        "mri": {"brain": brain, "spine": spine, **masses},
        "kps": draw(_scored([50, 69, 70, 90])),
        "ecog": draw(_scored([0, 1, 2, 3, 4])),
        "life_expectancy_days": draw(st.sampled_from([None, None, None, 29, 30])),
        "flow": draw(_FLOW),
        "symptoms": draw(found),
        "focal_symptomatic_lesion": draw(st.sampled_from([None, None, True])),
        "on_lm_treatment": draw(st.sampled_from(treatments)),
        "last_scorecard_days": draw(st.sampled_from([None, 3, 84, 85])),
        "hospice": draw(st.sampled_from([None] * 7 + [True])),
    }


CONTRAINDICATIONS: list[Facts] = [
    {"allergy_mtx": True},
    {"cns_or_device_infection": True},
    {"third_space": True},
    {"leukoencephalopathy": True},
    {"nitrous_planned": True},
    {"meds": ["ppi"]},
    {"systemic_mtx_7d": 2},
    {"vinca_same_day": True},
    {"hospice": True},
    {"dialysis": True},
]


@st.composite
def order_sign_facts(draw: st.DrawFn) -> Facts:
    """A patient with an intrathecal methotrexate order."""
    shunts = [
        None,
        "none",
        "on_off",
        "programmable_plan",
        "programmable",
        "valve_unknown",
        "no_valve",
    ]
    extra = {
        "shunt": draw(st.sampled_from(shunts)),
        "hydrocephalus": draw(st.sampled_from([None, "symptomatic", "asymptomatic"])),
        "flow": draw(_FLOW),
        "rt": draw(_RT),
        "it_history": draw(_HISTORY),
        "order": draw(_ORDER),
    }
    extra |= draw(st.sampled_from([{}, *CONTRAINDICATIONS]))
    return draw(_person()) | extra
