"""Named clinical questions with three-valued answers."""
