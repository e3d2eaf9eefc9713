"""Reads FHIR resources into typed clinical observations (data elements)."""
