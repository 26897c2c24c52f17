"""Counters of users, served at `/metrics`."""

from prometheus_client import Counter

users_created = Counter("tandem_users_created", "Accounts created.")
