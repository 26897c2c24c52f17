"""The gRPC transport: what surrounds a call, the server, and how it ends."""
