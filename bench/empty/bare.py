"""A bare grpcio server that answers every method with an empty message: the upper limit of a Python server."""

import argparse
import signal
from concurrent.futures import ThreadPoolExecutor

import grpc


class Nothing(grpc.GenericRpcHandler):
    """Answers every method with no bytes."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return _HANDLER


_HANDLER = grpc.unary_unary_rpc_method_handler(lambda request, context: b"")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    arguments = parser.parse_args()
    server = grpc.server(ThreadPoolExecutor(arguments.workers), handlers=[Nothing()])
    server.add_insecure_port(f"127.0.0.1:{arguments.port}")
    server.start()
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    server.stop(None)
