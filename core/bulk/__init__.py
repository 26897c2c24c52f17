"""Bulk writes: a stream of items, written in chunks, each item with its own outcome.

A chunk is one transaction. An invalid item is reported and does not affect the others. An item with an idempotency key
(`request_id`) that was written before is not written again, so a client resumes an interrupted stream by sending it
again. While a chunk is written the next one is read.

An item that repeats the key of another item of the stream gets that item's outcome: its error, or what was written. A
key that is repeated with other content is rejected, anywhere in the stream.
"""

from core.bulk.chunks import ITEM_ERRORS, BulkItem, Chunk, Failures, Outcome, error_fields
from core.bulk.stream import CHUNK_SIZE, MAX_ATOMIC, write

__all__ = [
    "CHUNK_SIZE",
    "ITEM_ERRORS",
    "MAX_ATOMIC",
    "BulkItem",
    "Chunk",
    "Failures",
    "Outcome",
    "error_fields",
    "write",
]
