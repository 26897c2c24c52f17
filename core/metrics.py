"""What is counted of the domain, beside what the doors count of themselves; served at `/metrics`."""

from prometheus_client import Counter

users_created = Counter("tandem_users_created", "Accounts made.")
tasks_created = Counter("tandem_tasks_created", "Tasks made.")
meetings_completed = Counter("tandem_meetings_completed", "Recordings worked on to the end.")
