"""Measurements. Never timed tests: see README.md."""
