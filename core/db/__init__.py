"""Database access: how the tables of all apps are defined, read and written."""
