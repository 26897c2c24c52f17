"""Meetings: who met when, and what was recorded."""
