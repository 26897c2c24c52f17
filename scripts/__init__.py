"""Commands for people and for machines."""
