"""Benchmarks: commands that measure the service beside a floor in the same run."""
