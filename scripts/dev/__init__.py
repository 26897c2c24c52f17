"""The development server, which `scripts/start_grpc_dev.sh` runs once .venv exists."""
