"""Keepalive of gRPC connections: both ends detect a dead connection within 15 seconds, with or without calls."""

from __future__ import annotations

CLIENT_OPTIONS = (
    # The shortest interval that the servers permit.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
)

SERVER_OPTIONS = (
    *CLIENT_OPTIONS,
    # Clients may ping as often as the server does, with a margin for delays.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
)
