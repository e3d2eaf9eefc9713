"""Builds FHIR R4 test charts from the facts of a clinical case."""
