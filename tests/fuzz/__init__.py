"""Hostile calls of every operation, against servers that it starts. Run by `scripts/fuzz.sh`."""
