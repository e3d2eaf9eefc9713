"""A real nginx with our configuration in front of the real service."""
