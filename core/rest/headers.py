"""The header fields that the server reads and answers: the one table from which CORS is set up.

Nothing here is needed for what browsers let every page send or read (the safelists of the Fetch standard).
"""

#: What a page may send: what some part of the server reads, and what its tools and libraries add by themselves.
READ = (
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "traceparent",
    "x-bulk-mode",
    "x-http-method-override",
    "x-request-id",
    # Resumable uploads.
    "tus-resumable",
    "upload-checksum",
    "upload-concat",
    "upload-defer-length",
    "upload-length",
    "upload-metadata",
    "upload-offset",
)
#: What libraries and tracing agents in pages add to each call, and the server passes over.
PASSED_OVER = ("baggage", "cache-control", "pragma", "tracestate", "x-requested-with")
#: What a page may read of an answer.
ANSWERED = (
    "Accept",
    "Accept-Patch",
    "Allow",
    "Content-Disposition",
    "Content-Encoding",
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "Retry-After",
    "Vary",
    "WWW-Authenticate",
    "X-Request-ID",
    # Resumable uploads.
    "Tandem-Meeting-Id",
    "Tus-Checksum-Algorithm",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Defer-Length",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
)
