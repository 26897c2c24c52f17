"""Counters of a node's calls, and of its streams."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)

calls = Counter("speechnode_calls", "Calls ended, with any outcome.", ["operation", "code"])
seconds = Histogram("speechnode_call_seconds", "From the start of a call to its end.", ["operation"], buckets=_SECONDS)
slots = Gauge("speechnode_streams", "Calls that the node serves at once.")
free_slots = Gauge("speechnode_free_streams", "Calls that the node would accept now.")
