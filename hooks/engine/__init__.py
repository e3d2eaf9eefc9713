"""Evaluates recommendations and words their cards."""
