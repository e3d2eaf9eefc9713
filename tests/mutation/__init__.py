"""Mutation: small faults put into `hooks/`, and whether a test notices each of them."""
