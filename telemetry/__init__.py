"""Metrics and traces of a process, independent of the product: the server and the speech node share them."""
