"""Other ways to serve the same users from the same database. Each runs in an environment of its own
(`requirements/NAME.txt`), without authentication, logs and metrics.
"""
