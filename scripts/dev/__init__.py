"""The development server: what `scripts/start_grpc_dev.sh` runs once .venv is there."""
