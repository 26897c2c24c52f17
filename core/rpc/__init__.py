"""The gRPC door: what surrounds a call, the server, and how it ends."""
