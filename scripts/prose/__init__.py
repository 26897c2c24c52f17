"""Parts of `scripts/check_prose.py`: rules, the texts of files, and the counts that files may reach."""
