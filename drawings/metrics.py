"""Counters of drawings, served at `/metrics`."""

from prometheus_client import Counter

documents_processed = Counter("tandem_documents_processed", "Documents processed to their end, by status.", ["status"])
