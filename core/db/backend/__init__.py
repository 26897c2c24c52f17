"""Django's PostgreSQL engine, extended; see `base`."""
