"""People's accounts."""
