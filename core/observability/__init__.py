"""Logs and metrics of calls."""
