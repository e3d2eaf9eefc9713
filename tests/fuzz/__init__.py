"""Coverage-guided fuzzing of the whole service through its WSGI application, without network."""
