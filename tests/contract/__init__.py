"""One named test for each conformance requirement that binds the service."""
