"""A gRPC service of all kinds of streams."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from core.errors import AlreadyExists
from core.rpc.servicers import Service
from core.rpc.thread_pool import CallThreadPool


class StreamingService:
    """A service of all four kinds, and of the two that hold no worker."""

    def __init__(self) -> None:
        self.threads: dict[str, str] = {}
        self.ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.sends: queue.SimpleQueue[Callable[[bytes | None], None]] = queue.SimpleQueue()
        self.pool = CallThreadPool("own-pool", 1)

    def upload(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        self.threads["upload"] = threading.current_thread().name
        return b"+".join(requests)

    def download(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        try:
            for number in range(3):
                yield b"%s %d" % (request, number)
            if request == b"fail":
                raise AlreadyExists("There is one.")
            while request == b"for ever":
                yield b""
        finally:
            self.ended.put("download")

    def chat(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        self.threads["chat"] = threading.current_thread().name
        for request in requests:
            yield request.upper()

    def watch(self, request: bytes, context: grpc.ServicerContext, send: Callable[[bytes | None], None]) -> None:
        if request == b"fail":
            raise AlreadyExists("There is one.")
        self.sends.put(send)

    def service(self) -> Service:
        def watch(*args: Any) -> None:
            self.watch(*args)

        def chat(*args: Any) -> Iterator[bytes]:
            return self.chat(*args)

        watch.experimental_non_blocking = True  # type: ignore[attr-defined]
        chat.experimental_thread_pool = self.pool  # type: ignore[attr-defined]
        handlers = {
            "Upload": grpc.stream_unary_rpc_method_handler(self.upload),
            "Download": grpc.unary_stream_rpc_method_handler(self.download),
            "Chat": grpc.stream_stream_rpc_method_handler(chat),
            "Watch": grpc.unary_stream_rpc_method_handler(watch),
        }

        return Service("test.Streams", grpc.method_handlers_generic_handler("test.Streams", handlers))
