"""Servers that do nothing, to compare with."""
