"""Whose data a resource is (data elements, section 1.1)."""

from __future__ import annotations

from hooks.fhir import JsonObject


def names_patient(reference: str, patient_id: str, fhir_base: str | None = None) -> bool:
    """Whether a literal reference names the patient of the call.

    The last path segment is the patient id and the one before it, if any, is `Patient`; an
    absolute URL must also lie under the FHIR server of the call, where one is given.
    """
    path = reference.split("/_history/", 1)[0]
    if "://" in path and fhir_base:
        base = fhir_base.rstrip("/") + "/"
        if not path.startswith(base):
            return False
        path = path[len(base) :]
    segments = path.split("/")
    owner = segments[-2] if len(segments) > 1 else "Patient"
    return segments[-1] == patient_id and owner == "Patient"


def subject_reference(raw: JsonObject) -> str | None:
    """The literal reference of `subject`, else of `patient`; None where there is none."""
    for member in ("subject", "patient"):
        value = raw.get(member)
        reference = value.get("reference") if isinstance(value, dict) else None
        if isinstance(reference, str):
            return reference
    return None


def is_about(
    raw: JsonObject,
    patient_id: str,
    fhir_base: str | None = None,
    local_patients: frozenset[str] = frozenset(),
) -> bool:
    """Whether a raw resource counts for this patient.

    `local_patients` holds the `urn:uuid:` full URLs that resolve in the same Bundle to the
    Patient of the call. A Patient counts only by its own id; a Medication has no subject.
    """
    kind = raw.get("resourceType")
    if kind == "Patient":
        return raw.get("id") == patient_id
    if kind == "Medication":
        return True
    reference = subject_reference(raw)
    if reference is None:
        return False
    return reference in local_patients or names_patient(reference, patient_id, fhir_base)
