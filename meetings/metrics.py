"""Counters of meetings, served at `/metrics`."""

from prometheus_client import Counter

meetings_completed = Counter("tandem_meetings_completed", "Recordings processed to completion.")
