"""The OpenAPI document: read off the descriptors, by the rules of `core.protojson`."""
