"""Accounts of people and of programs."""
