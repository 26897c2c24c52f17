"""Resources that callers share: threads, turns and slots, and the share of each caller."""
