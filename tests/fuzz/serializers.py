"""Bodies that Schemathesis does not know, for its calls: it imports this module."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def part_of_an_upload(ctx: Any, value: Any) -> bytes:
    """Return a part of a file as bytes."""
    return value if isinstance(value, bytes) else str(value).encode()
