"""Server reflection, which describes the services to tools like grpcurl: `grpc.reflection.v1`, and the older v1alpha.

grpcio-reflection has only v1alpha, the only version that older tools know. The messages of v1 have the same fields
under another package name, so one servicer serves both. The descriptor of v1 is made by renaming the package in that
of v1alpha; `tests/core/test_rungrpc.py` reads both. It can be removed when grpcio-reflection contains v1.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import grpc
from google.protobuf import descriptor_pool, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection, reflection_pb2

from core.rpc.thread_pool import CallThreadPool

V1 = "grpc.reflection.v1.ServerReflection"
V1ALPHA = "grpc.reflection.v1alpha.ServerReflection"


def add_to_server(server: grpc.Server, services: Iterable[str], workers: CallThreadPool) -> None:
    """Add reflection of these services and of itself, on separate threads, because each of its streams holds one."""
    _register_v1()
    servicer = reflection.ReflectionServicer([*services, V1, V1ALPHA])

    def reflect(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
        return servicer.ServerReflectionInfo(requests, context)

    reflect.experimental_thread_pool = workers  # type: ignore[attr-defined]
    handler = grpc.stream_stream_rpc_method_handler(
        reflect,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler}) for name in (V1, V1ALPHA))
    )


def _register_v1() -> None:
    """Add v1 to the descriptor pool, so that a tool can request the file of every listed service."""
    pool = descriptor_pool.Default()
    try:
        pool.FindFileContainingSymbol(V1)
    except KeyError:
        v1alpha = FileDescriptorProto()
        reflection_pb2.DESCRIPTOR.CopyToProto(v1alpha)
        v1 = text_format.Parse(str(v1alpha).replace("v1alpha", "v1"), FileDescriptorProto())
        v1.options.ClearField("deprecated")
        pool.AddSerializedFile(v1.SerializeToString())
