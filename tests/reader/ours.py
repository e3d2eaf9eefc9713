"""What the text rules of this service answer to a labelled question."""

from __future__ import annotations

from collections.abc import Callable

from hooks.readings import csf_space, cytology, imaging, markers, order
from tests.reader.labelled import Question

_VALVE = {
    csf_space.Shunt.ON_OFF: "on_off",
    csf_space.Shunt.PROGRAMMABLE_PLAN: "programmable_plan",
    csf_space.Shunt.PROGRAMMABLE: "programmable",
    csf_space.Shunt.VALVE_UNKNOWN: "valve_unknown",
    csf_space.Shunt.NO_VALVE: "no_valve",
}
_FLOW = {"inconclusive": "unknown"}
_FORM = {"preservative-free": "PF", "not stated": "unknown"}


def _cytology(text: str) -> str:
    found = cytology.classify(text)
    return found.value if found else "cannot tell"


def _flow(text: str) -> str:
    found = csf_space.flow_status(text).value
    return _FLOW.get(found, found)


def _form(text: str) -> str:
    found = order.formulation_in_text(text).value
    return _FORM.get(found, found)


_READERS: dict[str, Callable[[str], str]] = {
    "cytology": _cytology,
    "mri": lambda text: imaging.pattern(text).value,
    "flow": _flow,
    "valve": lambda text: _VALVE[csf_space.valve(text)],
    "form": _form,
}


def answer(question: Question) -> str:
    """The answer of the text rules."""
    if question.reader == "markers":
        return markers.read(question.text).get(question.gene, "U")
    return _READERS[question.reader](question.text)
