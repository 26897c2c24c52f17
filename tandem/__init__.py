"""Tandem's contracts as Python: the generated messages and gRPC stubs, a client, and the product's version."""

__version__ = "1.0.0"
