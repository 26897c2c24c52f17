"""Server reflection, which tells tools like grpcurl what there is to call: `grpc.reflection.v1`, and the older v1alpha.

grpcio-reflection has v1alpha only. The two differ in nothing but the package's name, so one servicer serves both.
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
    """Serves reflection of these services, and of itself, on threads of its own: its streams hold one each."""
    _know_v1()
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


def _know_v1() -> None:
    """Has the descriptor pool know v1, so that a tool which asks for every service's file gets it."""
    pool = descriptor_pool.Default()
    try:
        pool.FindFileContainingSymbol(V1)
    except KeyError:
        v1alpha = FileDescriptorProto()
        reflection_pb2.DESCRIPTOR.CopyToProto(v1alpha)
        v1 = text_format.Parse(str(v1alpha).replace("v1alpha", "v1"), FileDescriptorProto())
        v1.options.ClearField("deprecated")
        pool.AddSerializedFile(v1.SerializeToString())
