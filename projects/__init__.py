"""Projects, which a team shares, and their members."""
