"""The OpenAPI document: read off the descriptors, by the rules of `core.rest.json`."""

from core.rest.openapi.comments import comments
from core.rest.openapi.document import document
from core.rest.openapi.schemas import limits_of

__all__ = ["comments", "document", "limits_of"]
