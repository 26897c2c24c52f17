"""Counters of tasks, served at `/metrics`."""

from prometheus_client import Counter

tasks_created = Counter("tandem_tasks_created", "Tasks created.")
