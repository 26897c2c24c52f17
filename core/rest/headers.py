"""Header fields that the server reads and sends. The CORS settings are made from these lists.

Headers on the safelists of the Fetch standard, which browsers always allow, need no entry.
"""

#: Headers that a page may send: those that some part of the server reads.
READ = (
    "accept",
    "authorization",
    "connect-content-encoding",
    "connect-protocol-version",
    "connect-timeout-ms",
    "content-type",
    "grpc-encoding",
    "grpc-timeout",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "if-range",
    "last-event-id",
    "range",
    "traceparent",
    "x-bulk-mode",
    "x-http-method-override",
    "x-request-id",
    "x-session",
    "x-total-count",
    # Resumable uploads.
    "tus-resumable",
    "upload-checksum",
    "upload-concat",
    "upload-defer-length",
    "upload-length",
    "upload-metadata",
    "upload-offset",
)
#: Headers that libraries and tracing agents in pages add to each call, and the server ignores.
PASSED_OVER = ("baggage", "cache-control", "pragma", "tracestate", "x-grpc-web", "x-requested-with", "x-user-agent")
#: Headers that a page may read in a response.
ANSWERED = (
    "Accept",
    "Accept-Patch",
    "Accept-Post",
    "Accept-Ranges",
    "Allow",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Range",
    "ETag",
    "Grpc-Message",
    "Grpc-Status",
    "Grpc-Status-Details-Bin",
    "Idempotent-Replayed",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "Vary",
    "WWW-Authenticate",
    "X-Request-ID",
    # Resumable uploads.
    "Tandem-Document-Id",
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
