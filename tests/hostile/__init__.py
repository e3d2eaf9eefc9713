"""Request bodies that mean harm, in classes; for the tests and for the drill."""
