"""A Django app, only in the settings of the tests: the command `flush`, which empties the database after a test."""
