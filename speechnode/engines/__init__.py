"""The engines of the node. Each module does one task, and depends on neither gRPC nor the contract."""
