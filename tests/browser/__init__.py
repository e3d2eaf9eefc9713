"""The start page in a real browser."""
