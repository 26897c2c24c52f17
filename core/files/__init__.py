"""Files of rows, for commands that import and export."""
