"""Django's PostgreSQL engine with two habits of our own; see `base`."""
