"""An embedded PostgreSQL server: found, created, started and stopped. Imports nothing else of the project."""
