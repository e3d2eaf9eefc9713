"""A real HAPI FHIR JPA server, started for tests, and what is tested on it."""
