"""A bare grpcio server whose every method answers an empty message: the limit of what Python can serve."""

import argparse
import signal
from concurrent.futures import ThreadPoolExecutor

import grpc


class Nothing(grpc.GenericRpcHandler):
    """Bytes in, no bytes out, whatever is called."""

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
