"""What recommendations cost that do not apply: generated ones, in a folder given by the setting."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import combinations, cycle, islice
from pathlib import Path

import yaml
from flask.testing import FlaskClient

from benchmarks import payloads, servers
from benchmarks.growth import seconds
from benchmarks.stages import ask, client
from benchmarks.table import Table, shown
from hooks import SERVICES
from hooks.facts.fact import FACTS

ADDED = (0, 10, 100, 1_000)
FLAT_AT, FLAT = 100, 1.1
"""So many that do not apply may make a call a tenth dearer; the service itself has 40."""
ROUNDS = 40
_ABSENT = "melanoma"
"""A fact that the patient of the payloads does not have."""
_TEXT = {
    "title": "Generated for a measurement",
    "short_name": "generated",
    "status": "active",
    "sources": [{"guideline": "safety-rule", "grade": "none"}],
    "statements": [],
    "support": ["2:L8"],
    "last_checked": "2026-11-21",
    "question": "Does this generated recommendation apply?",
    "windows": [],
    "evidence_notes": [],
    "explanation": "When the facts hold then a card appears that nobody needs.",
}
_WORDING = {
    "indicator": "info",
    "summary": "A generated recommendation.",
    "why": "All facts that were drawn for this recommendation hold for this patient.",
    "options": ["Nothing has to be done.", "Nothing can be done."],
    "suggestions": [],
}


def _folder(parent: Path, number: int) -> Path:
    """So many recommendations, each on three facts of which one is absent."""
    folder = parent / f"knowledge-{number}"
    (folder / "patient-view").mkdir(parents=True)
    own = SERVICES[payloads.PATIENT_VIEW].catalogue.recommendations.values()
    facts = sorted({name for each in own for name in each.inputs if name in FACTS} - {_ABSENT})
    for index, pair in enumerate(islice(cycle(combinations(facts, 2)), number)):
        names = sorted({_ABSENT, *pair})
        content = _TEXT | {"inputs": names, "applies_when": {"all": names}}
        text = yaml.safe_dump(content | {"variants": {"yes": _WORDING}})
        (folder / "patient-view" / f"generated-{index}.yaml").write_text(text, encoding="utf-8")
    return folder


@contextmanager
def _clients() -> Iterator[list[FlaskClient]]:
    with ExitStack() as until:
        parent = Path(until.enter_context(servers.folder()))
        yield [
            until.enter_context(
                client(
                    str(parent), f"bench-{number}", KNOWLEDGE_FOLDER=str(_folder(parent, number))
                )
            )
            for number in ADDED
        ]


def run() -> Table:
    """The 280 KB chart with none to a thousand of them, interleaved."""
    body = payloads.patient_view(200)
    with _clients() as clients:
        rounds = [[_call(asked, body) for asked in clients] for _ in range(ROUNDS + 2)][2:]
    times = [statistics.median(column) * 1000 for column in zip(*rounds, strict=True)]
    rows = tuple(
        (f"{n:,}", f"{t:.2f}", f"{t / times[0]:.2f}", _each(n, t - times[0]))
        for n, t in zip(ADDED, times, strict=True)
    )
    held = times[ADDED.index(FLAT_AT)] <= FLAT * times[0]
    return Table(
        "Recommendations that do not apply",
        "Processor milliseconds of a call in one process, the 280 KB chart, beside generated "
        "recommendations of three facts in a folder (`LM_CDS_KNOWLEDGE_FOLDER`). Asked for: flat, "
        f"{FLAT_AT} of them cost at most a tenth: {shown(held)}.",
        ("added", "call, ms", "ratio", "µs each"),
        rows,
        held,
    )


def _call(asked: FlaskClient, body: bytes) -> float:
    return seconds(lambda: ask(asked, body))


def _each(number: int, milliseconds: float) -> str:
    return f"{milliseconds / number * 1000:.1f}" if number else "–"
