"""One finding on one line: wording, answers with what they cite and miss, what fills the card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hooks import SERVICES
from hooks.answer import Answer, Fill, Verdict
from hooks.record import PatientRecord

FOLDER = Path(__file__).parent


def _answer(answer: Answer) -> str:
    value = f" '{answer.value}'" if answer.value else ""
    missing = f" ({'; '.join(answer.missing)})" if answer.missing else ""
    cited = f" [{', '.join(e.reference for e in answer.because)}]" if answer.because else ""
    return f"{answer.fact} {answer.truth.value}{value}{missing}{cited}"


def _fill(value: Fill) -> str:
    return value if isinstance(value, str) else ", ".join(value)


def _line(verdict: Verdict) -> str:
    answers = "; ".join(map(_answer, verdict.answers))
    fills = "; ".join(f"{name}: {_fill(value)}" for name, value in verdict.fills.items())
    parts = [f"{verdict.variant or verdict.outcome.value} <- {answers}"]
    parts += [f"with {fills}"] if fills else []
    parts += [f"remarks {', '.join(verdict.remarks)}"] if verdict.remarks else []
    parts += [f"withheld {', '.join(verdict.withheld)}"] if verdict.withheld else []
    return " | ".join(parts)


def lines(service: str, recommendation: str, record: PatientRecord) -> list[str]:
    """The findings of one recommendation, one line per draft order."""
    found = SERVICES[service].findings(record)
    return [_line(one.verdict) for one in found if one.recommendation == recommendation]


def expected(file: str) -> dict[str, dict[str, list[str]]]:
    """For each chart of a file, by recommendation, the lines that are expected."""
    held: dict[str, Any] = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))
    return held
