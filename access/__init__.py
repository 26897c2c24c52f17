"""Credentials: sessions and tokens."""
