"""A speech node: the program `python -m speechnode`, which serves `speech.v1`. It does not depend on the product."""
