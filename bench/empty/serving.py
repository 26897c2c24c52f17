"""Serves a plain gRPC handler until SIGTERM, on a pool of threads."""

import argparse
import signal
from concurrent.futures import ThreadPoolExecutor

import grpc


def serve(handler: grpc.GenericRpcHandler, description: str | None) -> None:
    """Serve with the command line's `--port` and `--workers`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    arguments = parser.parse_args()
    server = grpc.server(ThreadPoolExecutor(arguments.workers), handlers=[handler])
    server.add_insecure_port(f"127.0.0.1:{arguments.port}")
    server.start()
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    server.stop(None)
