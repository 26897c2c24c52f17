"""Counters of meetings, and the state of speech nodes, served at `/metrics`."""

from prometheus_client import Counter, Gauge

meetings_completed = Counter("tandem_meetings_completed", "Recordings processed to completion.")
node_breaker = Gauge("tandem_speech_node_breaker", "0: in use, 1: being tried, 2: passed over.", ["node"])
