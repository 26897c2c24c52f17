"""Training and evaluation of the classifier of symbols: not part of the server."""
