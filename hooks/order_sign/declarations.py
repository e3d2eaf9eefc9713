"""What a site declares, told on the cards of each order that relied on it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from hooks.answer import Evidence, Finding, Outcome
from hooks.readings.wording import day_shown
from hooks.site import DECLARED


def with_remarks(finding: Finding, every: Iterable[Finding]) -> Finding:
    """A finding that applies, with a remark for every declaration that its order relied on.

    `every` are the findings of the order, silent ones included: what keeps a card away is told
    on the others. A remark has the name of the statement, and a placeholder of the same name.
    """
    if finding.outcome is not Outcome.APPLIES:
        return finding
    told = {_statement(evidence): _when_and_who(evidence) for evidence in _relied_on(every)}
    if not told:
        return finding
    verdict = finding.verdict
    return replace(
        finding,
        verdict=replace(
            verdict, remarks=(*verdict.remarks, *told), fills={**verdict.fills, **told}
        ),
    )


def _relied_on(every: Iterable[Finding]) -> Iterable[Evidence]:
    answers = (answer for finding in every for answer in finding.verdict.answers)
    found = (evidence for answer in answers for evidence in answer.because)
    return dict.fromkeys(evidence for evidence in found if evidence.how == DECLARED)


def _statement(evidence: Evidence) -> str:
    return evidence.reference.partition("/")[2]


def _when_and_who(evidence: Evidence) -> str:
    day = f"on {day_shown(evidence.day)} " if evidence.day else ""
    return f"{day}({evidence.value})"
