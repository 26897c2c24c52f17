"""What the node can do: each module does one thing, and knows neither gRPC nor the contract."""
