"""One command that looks for known faults in dependencies and forbidden patterns in the code."""
