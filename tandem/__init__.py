"""Tandem's contracts as Python: the generated messages and gRPC stubs, and the product's version."""

__version__ = "1.0.0"
