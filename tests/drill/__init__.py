"""Drills: faults, attacks and load on the running service, as commands that print tables."""
