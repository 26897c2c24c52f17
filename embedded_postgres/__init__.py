"""An embedded PostgreSQL server: finds, creates, starts and stops it. Imports no other package of the project."""
