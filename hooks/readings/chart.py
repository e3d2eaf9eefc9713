"""The chart of one patient: every reading of the record, made once and on demand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Any

from hooks.answer import Answer, Evidence
from hooks.fhir import (
    AllergyIntolerance,
    Condition,
    Device,
    DiagnosticReport,
    MedicationAdministration,
    MedicationRequest,
    Observation,
    Procedure,
    ServiceRequest,
)
from hooks.readings.concepts import reference
from hooks.readings.csf_space import (
    FlowStudy,
    Hydrocephalus,
    Shunt,
    ShuntReading,
    lists_shunt,
    read_flow,
    read_hydrocephalus,
    read_shunt,
)
from hooks.readings.cytology import Cytologies, read_cytologies
from hooks.readings.dates import birth_dates, completed_years, moment
from hooks.readings.focal import FocalLesion, read_focal_lesion
from hooks.readings.imaging import Mass, Study, brain_masses, read_studies
from hooks.readings.laboratory import Laboratory, read_dialysis, read_laboratory
from hooks.readings.malignancy import (
    Diagnosis,
    Kind,
    LmEntry,
    Malignancies,
    decisive_lm_entry,
    earliest,
    read_lm_entries,
    read_malignancies,
    unknown_site,
)
from hooks.readings.medication import Drug, product_of
from hooks.readings.molecular import (
    Marker,
    has_unread_report,
    named_without_result,
    read_markers,
)
from hooks.readings.order import DrugOrder, read_order
from hooks.readings.performance import (
    Expectancy,
    Score,
    Scorecard,
    has_unreadable_score,
    read_hospice,
    read_life_expectancy,
    read_score,
    read_scorecard,
)
from hooks.readings.radiotherapy import Course, read_courses
from hooks.readings.safety import (
    read_infection,
    read_leukoencephalopathy,
    read_methotrexate_allergy,
    read_third_space,
)
from hooks.readings.symptoms import Symptom, has_neurological_examination, live, read_symptoms
from hooks.readings.topics import Topic, by_topic
from hooks.readings.treatments import (
    Administration,
    is_asked_about,
    read_antithrombotics,
    read_emetogenic,
    read_interacting,
    read_lm_treatment,
    read_methotrexate_given,
)
from hooks.readings.work_up import Ordered, read_orders
from hooks.record import PatientRecord
from hooks.site import Declaration, Statement


class Chart:
    """All readings of one record. `answers` and `memo` remember what was asked."""

    def __init__(self, record: PatientRecord) -> None:
        """A chart over one record; nothing is read before it is asked for."""
        self.record = record
        self.today: date = record.now.date()
        self.answers: dict[str, Answer] = {}
        self.memo: dict[str, Any] = {}

    def ages(self, on: date) -> tuple[int, ...]:
        """The possible ages in completed years on a day, youngest first; empty = unknown."""
        born = birth_dates(self.record.patient.birth_date if self.record.patient else None)
        ages = {completed_years(day, on) for day in born}
        return tuple(sorted(age for age in ages if age >= 0))

    def declared(self, statement: Statement) -> Declaration | None:
        """What the site declares, if it does so on the reference day."""
        return self.record.site.declared(statement, self.today)

    def observations(self, topic: Topic) -> tuple[Observation, ...]:
        """The Observations that are about a topic, in the order received."""
        return self._by_topic[topic]

    @cached_property
    def _by_topic(self) -> Mapping[Topic, tuple[Observation, ...]]:
        return by_topic(self.record.of(Observation))

    @cached_property
    def conditions_failed(self) -> bool:
        """Whether the problem list was not read completely."""
        return self.record.failed("Condition")

    @cached_property
    def lm_entry(self) -> LmEntry | None:
        """The entry of leptomeningeal metastasis that decides."""
        return decisive_lm_entry(read_lm_entries(self.record.of(Condition), self.today))

    @cached_property
    def lm_on_problem_list(self) -> bool:
        """Whether leptomeningeal metastasis is recorded as confirmed or probable."""
        standing = (Diagnosis.CONFIRMED, Diagnosis.PROBABLE)
        return self.lm_entry is not None and self.lm_entry.diagnosis in standing

    @cached_property
    def recorded_malignancies(self) -> Malignancies:
        """The malignancies that the problem list names."""
        return read_malignancies(self.record.of(Condition))

    @cached_property
    def malignancies(self) -> Malignancies:
        """Malignancies; LM or a positive cytology alone stand for one solid tumour."""
        recorded = self.recorded_malignancies
        if recorded.entries:
            return recorded
        if self.lm_entry and self.lm_on_problem_list:
            return unknown_site(self.lm_entry.source)
        positive = self.cytologies.positive
        return unknown_site(positive.source) if positive else recorded

    @cached_property
    def is_solid(self) -> bool:
        """At least one solid malignancy, active or past."""
        return bool(self.malignancies.of(Kind.SOLID))

    @cached_property
    def is_haematological_only(self) -> bool:
        """A haematological and no solid malignancy; never when the problem list failed."""
        haematological = bool(self.malignancies.of(Kind.HAEMATOLOGICAL))
        return haematological and not self.is_solid and not self.conditions_failed

    @cached_property
    def symptoms(self) -> tuple[Symptom, ...]:
        """All findings that count, at most one per code."""
        return read_symptoms(
            self.record.of(Condition),
            self.observations(Topic.FINDING),
            earliest(self.recorded_malignancies),
            self.today,
        )

    @cached_property
    def neurological_examination(self) -> bool:
        """Whether a neurological examination was recorded lately (for the text only)."""
        return has_neurological_examination(self.observations(Topic.EXAMINATION), self.today)

    @cached_property
    def live_symptoms(self) -> tuple[Symptom, ...]:
        """Findings inside the window (before the chemotherapy rule)."""
        return live(self.symptoms)

    @cached_property
    def emetogenic(self) -> tuple[int, Evidence] | None:
        """Days since the newest emetogenic chemotherapy."""
        administrations = self.record.of(MedicationAdministration)
        return read_emetogenic(administrations, self.record.medications, self.today)

    @cached_property
    def cytologies(self) -> Cytologies:
        """All CSF cytologies."""
        return read_cytologies(
            self.record.of(DiagnosticReport),
            self.observations(Topic.CYTOLOGY),
            self.record.of(Procedure),
            self.record.specimens,
            self.today,
        )

    @cached_property
    def brain(self) -> tuple[Study, ...]:
        """MRI studies of the brain, newest first."""
        return read_studies(self.record.of(DiagnosticReport), "brain", self.today)

    @cached_property
    def spine(self) -> tuple[Study, ...]:
        """MRI studies of the spine, newest first."""
        return read_studies(self.record.of(DiagnosticReport), "spine", self.today)

    @cached_property
    def masses(self) -> tuple[frozenset[Mass], Study | None]:
        """What makes lumbar puncture unsafe on the brain MRI, and where."""
        return brain_masses(self.brain)

    def laboratory(self, test: str) -> Laboratory | None:
        """The newest `platelets`, `inr` or `egfr`."""
        return read_laboratory(test, self.observations(Topic.LABORATORY), self.today)

    @cached_property
    def dialysis(self) -> Evidence | None:
        """Dialysis or end-stage renal disease."""
        return read_dialysis(self.record.of(Condition))

    def score(self, scale: str) -> Score | None:
        """The current `kps` or `ecog`."""
        return self.scores[scale]

    @cached_property
    def scores(self) -> Mapping[str, Score | None]:
        """The current score of each scale."""
        observations = self.observations(Topic.SCORE)
        return {scale: read_score(scale, observations, self.today) for scale in ("kps", "ecog")}

    @cached_property
    def unreadable_score(self) -> bool:
        """Whether a current performance status is on record whose value cannot be read."""
        return has_unreadable_score(self.observations(Topic.SCORE), self.today)

    @cached_property
    def life_expectancy(self) -> Expectancy | None:
        """The documented life expectancy that is current."""
        return read_life_expectancy(self.observations(Topic.LIFE_EXPECTANCY), self.today)

    @cached_property
    def scorecard(self) -> Scorecard | None:
        """The newest standard neurological assessment of LM."""
        return read_scorecard(self.observations(Topic.SCORECARD), self.today)

    @cached_property
    def markers(self) -> Mapping[str, Marker]:
        """The deciding result of each tumour marker, by gene."""
        return read_markers(
            self.record.of(DiagnosticReport),
            self.observations(Topic.MARKER),
            self.record.of(Condition),
            self.today,
        )

    @cached_property
    def unread_molecular_report(self) -> bool:
        """Whether a molecular report is on record that cannot be read."""
        return has_unread_report(self.record.of(DiagnosticReport))

    @cached_property
    def unclear_markers(self) -> frozenset[str]:
        """Markers that a report or Observation names without a result that can be told."""
        return named_without_result(
            self.record.of(DiagnosticReport),
            self.observations(Topic.MARKER),
            self.record.of(Condition),
            self.markers,
        )

    @cached_property
    def focal_lesion(self) -> FocalLesion | None:
        """A focal symptomatic lesion on the problem list."""
        return read_focal_lesion(self.record.of(Condition))

    @cached_property
    def lm_treatment(self) -> tuple[Evidence, ...]:
        """Active treatment of leptomeningeal metastasis; the value names the drug."""
        return read_lm_treatment(self.server_orders)

    @cached_property
    def hospice(self) -> Evidence | None:
        """Hospice or comfort care."""
        return read_hospice(
            self.record.of(Condition), self.record.of(ServiceRequest), self.record.of(Procedure)
        )

    @cached_property
    def ordered(self) -> Ordered:
        """Work-up that is already ordered."""
        return read_orders(self.record.of(ServiceRequest), self.today)

    @cached_property
    def antithrombotics(self) -> tuple[Evidence, ...]:
        """Antithrombotic drugs that are not held."""
        requests = self.record.of(MedicationRequest)
        return read_antithrombotics(requests, self.record.medications)

    @cached_property
    def interacting(self) -> tuple[Evidence, ...]:
        """Active drugs that raise methotrexate toxicity."""
        return read_interacting(self.record.of(MedicationRequest), self.record.medications)

    @cached_property
    def methotrexate_given(self) -> tuple[Administration, ...]:
        """Methotrexate administrations of any route."""
        administrations = self.record.of(MedicationAdministration)
        return read_methotrexate_given(administrations, self.record.medications)

    @cached_property
    def server_orders(self) -> tuple[DrugOrder, ...]:
        """Requests on the server, for drugs that rules ask about, as drug orders.

        Their planned time, else the day they were authored.
        """
        known = self.record.medications
        return tuple(
            self._server_order(request)
            for request in self.record.of(MedicationRequest)
            if is_asked_about(product_of(request, known))
        )

    def _server_order(self, request: MedicationRequest) -> DrugOrder:
        authored = moment(request.authored_on)
        return read_order(request, self.record.medications, authored, reference(request))

    @cached_property
    def methotrexate_orders(self) -> tuple[DrugOrder, ...]:
        """Requests on the server for methotrexate."""
        return tuple(o for o in self.server_orders if o.drug is Drug.METHOTREXATE)

    @cached_property
    def courses(self) -> tuple[Course, ...]:
        """Radiotherapy courses."""
        requests = self.record.of(ServiceRequest)
        return read_courses(self.record.of(Procedure), requests, self.today)

    @cached_property
    def shunt(self) -> ShuntReading | None:
        """The CSF shunt; None = unknown."""
        found = read_shunt(
            self.record.of(Device),
            self.record.of(Procedure),
            self.record.of(Condition),
            self.observations(Topic.SHUNT),
            self.brain,
            self.today,
        )
        return found or self._no_shunt_listed

    @property
    def _no_shunt_listed(self) -> ShuntReading | None:
        """No shunt, where a site lists every shunt and the complete problem list names none."""
        declared = self.declared(Statement.SHUNT_LISTED)
        if not declared or self.conditions_failed or lists_shunt(self.record.of(Condition)):
            return None
        return ShuntReading(Shunt.NONE, (declared.evidence,))

    @cached_property
    def hydrocephalus(self) -> Hydrocephalus | None:
        """Hydrocephalus on the problem list."""
        return read_hydrocephalus(self.record.of(Condition))

    @cached_property
    def flow(self) -> FlowStudy | None:
        """The CSF-flow study that decides; None = none on record."""
        return read_flow(
            self.record.of(DiagnosticReport),
            self.observations(Topic.FLOW),
            self.courses,
            self.record.of(Procedure),
            self.today,
        )

    @cached_property
    def infection(self) -> Evidence | None:
        """CNS or device infection."""
        return read_infection(self.record.of(Condition))

    @cached_property
    def third_space(self) -> Evidence | None:
        """Pleural effusion or ascites."""
        return read_third_space(self.record.of(Condition))

    @cached_property
    def leukoencephalopathy(self) -> Evidence | None:
        """Leukoencephalopathy on the problem list or the newest brain MRI."""
        return read_leukoencephalopathy(self.record.of(Condition), self.brain)

    @cached_property
    def methotrexate_allergy(self) -> tuple[bool, Evidence] | None:
        """Methotrexate hypersensitivity: severe or not."""
        return read_methotrexate_allergy(self.record.of(AllergyIntolerance))
