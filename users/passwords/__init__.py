"""Passwords: hashing, validation, and the hashes of other systems."""
