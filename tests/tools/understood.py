"""Writes `docs/understood.md`: what the service reads from published oncology examples.

    python -m tests.tools.understood

Every patient of a file becomes a hook call and a record, as for any client. The clock stands on
the day after the newest dated entry, so that what expires is judged as it was then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import msgspec
import orjson

from cds_service import clock, hook_call
from cds_service.config import Settings
from cds_service.deadline import Deadline
from cds_service.fhir_client import FhirClient
from cds_service.gather import gather
from cds_service.sandbox.chart_summary import day_of
from hooks import SERVICES
from hooks.facts.classification import classification
from hooks.facts.diagnosis import lm_established
from hooks.facts.fact import is_yes
from hooks.readings.chart import Chart
from hooks.readings.malignancy import Malignancies
from hooks.record import PatientRecord
from tests import real_data
from tests.charts.vocabulary import JsonObject

PAGE = Path(__file__).parents[2] / "docs" / "understood.md"
FOLDERS = (
    "mcode-ig",
    "hadley-mcode",
    "mcode-tools",
    "codex-rt",
    "genomics-reporting",
    "synthea-r4",
)
SERVICE = SERVICES["lm-order-sign"]
LATEST = date(2026, 11, 21)
"""No example is newer; a later date is one of a plan or of a validity."""
NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Source:
    """A published Bundle, or all single resources of a folder, as entries of a Bundle."""

    name: str
    entries: list[JsonObject]


def sources(folder: Path) -> Iterator[Source]:
    """The Bundles of a folder, then its single resources together."""
    singles: list[JsonObject] = []
    for path in sorted(folder.rglob("*json")):
        documents = [d for d in _documents(path) if isinstance(d, dict) and "resourceType" in d]
        bundles = [d for d in documents if d["resourceType"] == "Bundle"]
        singles += [{"resource": d} for d in documents if d["resourceType"] != "Bundle"]
        entries = [entry for bundle in bundles for entry in bundle.get("entry") or ()]
        if entries:
            yield Source(f"{folder.name}/{path.stem}", entries)
    if singles:
        yield Source(f"{folder.name}, single resources", singles)


def _documents(path: Path) -> list[Any]:
    """The JSON documents of a file; one that is broken on purpose has none."""
    lines = path.read_text("utf-8").splitlines() if path.suffix == ".ndjson" else None
    texts = [path.read_text("utf-8")] if lines is None else [line for line in lines if line.strip()]
    try:
        return [orjson.loads(text) for text in texts]
    except orjson.JSONDecodeError:
        return []


def patients(source: Source) -> list[str]:
    """The patients that the resources of a source are about, in their order."""
    resources = (entry.get("resource") for entry in source.entries if isinstance(entry, dict))
    known = [r for r in resources if isinstance(r, dict) and isinstance(r.get("resourceType"), str)]
    found = dict.fromkeys(name for resource in known for name in real_data.owners(resource))
    return [name for name in found if name]


def record(source: Source, patient: str) -> PatientRecord:
    """The record of one patient, as a hook call that brings the whole source."""
    answered: JsonObject = {need.key: None for need in SERVICE.needs}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": source.entries}
    body = {
        "hook": SERVICE.hook,
        "context": {
            "userId": "Practitioner/example",
            "patientId": patient,
            "draftOrders": {"resourceType": "Bundle"},
        },
        "prefetch": answered | {"chart": bundle},
    }
    call = hook_call.parse(SERVICE, orjson.dumps(body), clock.monotonic())
    settings, client = Settings.from_env({}), FhirClient(0)
    noon = datetime.combine(LATEST, time(12), UTC)
    try:
        deadline = Deadline.after(call.received, 60_000)
        found = gather(call, SERVICE, settings, client, deadline, noon)
    finally:
        client.close()
    return replace(found, now=datetime.combine(_newest(found), time(12), UTC) + timedelta(days=1))


def _newest(found: PatientRecord) -> date:
    """The newest day of a dated entry."""
    resources = (resource for kind in found.resources.values() for resource in kind)
    days = (day_of(msgspec.to_builtins(resource)) for resource in resources)
    dated = [date.fromisoformat(day) for day in days if len(day) == 10]
    return max((day for day in dated if day <= LATEST), default=LATEST)


def _malignancies(found: Malignancies) -> str:
    """Kind or site of each malignancy."""
    named = (f"{m.site} cancer" if m.site != "none" else m.kind.value for m in found.entries)
    return _listed(named) + (", metastatic" if found.entries and found.metastatic else "")


def _scores(chart: Chart) -> str:
    scores = ((scale.upper(), chart.score(scale)) for scale in ("kps", "ecog"))
    return _listed(f"{name} {score.value}" for name, score in scores if score)


def _csf_and_mri(chart: Chart) -> str:
    samples = (f"CSF {sample.result.value}" for sample in chart.cytologies.samples)
    brain = (f"MRI brain {study.pattern.value}" for study in chart.brain)
    spine = (f"MRI spine {study.pattern.value}" for study in chart.spine)
    return _listed([*samples, *brain, *spine])


def _courses(chart: Chart) -> str:
    """Radiotherapy by target and phase; equal ones are counted."""
    named = [f"{course.target.value} {course.phase.value}" for course in chart.courses]
    counted = {name: named.count(name) for name in named}
    return _listed(f"{n} x {name}" if n > 1 else name for name, n in counted.items())


def _laboratory(chart: Chart) -> str:
    results = (chart.laboratory(test) for test in ("platelets", "inr", "egfr"))
    return _listed(f"{r.source.label} {r.source.value}" for r in results if r)


def _findings(chart: Chart) -> str:
    return _listed(dict.fromkeys(symptom.code for symptom in chart.symptoms))


def _markers(chart: Chart) -> str:
    signs = {True: "positive", False: "negative"}
    return _listed(f"{gene} {signs[found.positive]}" for gene, found in chart.markers.items())


def _type(chart: Chart) -> str:
    """The EANO-ESMO type, where LM is established."""
    found = classification(chart) if is_yes(lm_established(chart)) else None
    return f"{found.shown or 'type unknown'}, {found.certainty}" if found else ""


COLUMNS = {
    "cancers": lambda chart: _malignancies(chart.malignancies),
    "markers": _markers,
    "EANO-ESMO type": _type,
    "status": _scores,
    "findings": _findings,
    "CSF and MRI": _csf_and_mri,
    "radiotherapy": _courses,
    "laboratory": _laboratory,
}
"""What is shown of a chart, by the heading of its column."""


def _listed(parts: Iterable[str]) -> str:
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Row:
    """One patient of one source: what is understood, or why nothing is."""

    source: str
    patient: str
    day: date
    cells: tuple[str, ...]
    why_nothing: str


def _why_nothing(found: PatientRecord) -> str:
    """Why nothing of a record is shown."""
    if found.failures:
        return "not readable as FHIR R4"
    if not found.resources:
        return "the resources name a patient who is not in the file"
    return "no malignancy, result, score, finding or radiotherapy of those that the service reads"


def rows() -> Iterator[Row]:
    """One row for each patient."""
    for name in FOLDERS:
        for source in sources(real_data.FOLDER / name):
            for patient in patients(source):
                found = record(source, patient)
                cells = tuple(show(Chart(found)) for show in COLUMNS.values())
                why = "" if any(cells) else _why_nothing(found)
                yield Row(source.name, patient, found.now.date(), cells, why)


def _table(heading: list[str], lines: Iterable[list[str]]) -> str:
    every = [heading, ["---"] * len(heading), *lines]
    return "\n".join("| " + " | ".join(cell or NOTHING for cell in line) + " |" for line in every)


def page() -> str:
    """The document."""
    found = list(rows())
    shown = [[r.source, r.patient, str(r.day), *r.cells] for r in found if not r.why_nothing]
    reasons = Counter(row.why_nothing for row in found if row.why_nothing)
    silent = [[reason, str(number)] for reason, number in reasons.most_common()]
    return HEAD.format(
        patients=len(found),
        shown=len(shown),
        understood=_table(["file", "patient", "clock", *COLUMNS], shown),
        silent=_table(["of the others", "patients"], silent),
    )


HEAD = """# What is understood of published examples

Every patient of published oncology examples (the mCODE guide, the mCODE tools of MITRE, an mCODE
prototype, the radiotherapy guide of CodeX, the genomics guide, Synthea) was put through the
readings of the service. The clock stands on the day after the newest dated entry.
`python -m tests.tools.understood` writes this page.

Of {patients} patients {shown} show something that the service reads.

{understood}

{silent}

What a reader sees there and the service does not:

- A Karnofsky or ECOG score that is older than 30 days is not the present one (Jenny M., John).
- "Suspected lung cancer", "Neoplasm of prostate" and carcinoma in situ are no cancers.
- An Observation whose `interpretation` is no list is not FHIR R4: it is set aside and named.
- Metastatic disease is read from Conditions, not from TNM categories or stage Observations.
- The site of a radiotherapy course is read from `bodySite`, not from the BodyStructure of a volume.
  Each phase and plan with a code of its own stands as a course of its own.
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
