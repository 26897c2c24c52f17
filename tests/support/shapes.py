"""`shapes.proto`, compiled: what the rules of JSON know beyond what the services need yet."""

import tempfile
from pathlib import Path
from types import SimpleNamespace

from django.conf import settings
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc

from core.operations import Operation, operations, snake_case
from core.rest.openapi.comments import INCLUDED
from tandem.common.v1 import common_pb2


def _compiled() -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "shapes"
        includes = [f"-I{path}" for path in (Path(__file__).parent, Path(settings.BASE_DIR) / "proto", *INCLUDED)]
        assert protoc.main(["protoc", *includes, f"--descriptor_set_out={output}", "shapes.proto"]) == 0
        return FileDescriptorSet.FromString(output.read_bytes()).file[0].SerializeToString()


assert common_pb2.DESCRIPTOR.package == "common.v1"  # shapes.proto imports it
FILE = descriptor_pool.Default().AddSerializedFile(_compiled())
SERVICE = FILE.services_by_name["ShapeService"]

#: Nothing is called here; only what stands around the calls matters.
_CALLS = SimpleNamespace(**{snake_case(rpc.name): lambda call, request: request for rpc in SERVICE.methods})
OPERATIONS: dict[str, Operation] = {operation.rpc: operation for operation in operations(SERVICE, _CALLS)}
Shape, UpdateShapeRequest, Part, Measure, Unsayable = (
    GetMessageClass(FILE.message_types_by_name[name])
    for name in ("Shape", "UpdateShapeRequest", "Part", "Measure", "Unsayable")
)
