"""How the tables of all apps are defined, read and written."""
