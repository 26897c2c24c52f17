"""A speech node: the program `python -m speechnode`, which speaks `speech.v1`. It knows nothing of the product."""
