"""What Observations are about, so that each reading looks only at its own.

A chart holds hundreds of vital signs and laboratory results that no reading is about. The code of
an Observation tells its topics; they are worked out once per code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto

from hooks.fhir import CodeableConcept, Observation
from hooks.readings.csf_space import is_about_shunt, is_flow_study
from hooks.readings.cytology import is_cytology_report
from hooks.readings.laboratory import is_laboratory
from hooks.readings.molecular import is_about_marker
from hooks.readings.performance import is_life_expectancy, is_score, is_scorecard
from hooks.readings.symptoms import is_neurological_examination, named_findings
from hooks.values.codes import remembering_codes


class Topic(Enum):
    """What a reading asks Observations about."""

    FINDING = auto()
    EXAMINATION = auto()
    LABORATORY = auto()
    SCORE = auto()
    LIFE_EXPECTANCY = auto()
    SCORECARD = auto()
    MARKER = auto()
    SHUNT = auto()
    FLOW = auto()
    CYTOLOGY = auto()


_BY_CODE: Mapping[Topic, Callable[[CodeableConcept | None], object]] = {
    Topic.FINDING: named_findings,
    Topic.EXAMINATION: is_neurological_examination,
    Topic.LABORATORY: is_laboratory,
    Topic.SCORE: is_score,
    Topic.LIFE_EXPECTANCY: is_life_expectancy,
    Topic.SCORECARD: is_scorecard,
    Topic.MARKER: is_about_marker,
    Topic.SHUNT: is_about_shunt,
    Topic.FLOW: is_flow_study,
    Topic.CYTOLOGY: is_cytology_report,
}


@remembering_codes
def _topics_of(code: CodeableConcept | None) -> tuple[Topic, ...]:
    return tuple(topic for topic, is_about in _BY_CODE.items() if is_about(code))


def by_topic(observations: Iterable[Observation]) -> Mapping[Topic, tuple[Observation, ...]]:
    """The Observations of each topic, in the order received.

    A part of a procedure may be a cytology of its puncture, whatever its code.
    """
    found: dict[Topic, list[Observation]] = {topic: [] for topic in Topic}
    for observation in observations:
        topics = _topics_of(observation.code)
        for topic in topics:
            found[topic].append(observation)
        if observation.part_of and Topic.CYTOLOGY not in topics:
            found[Topic.CYTOLOGY].append(observation)
    return {topic: tuple(own) for topic, own in found.items()}
