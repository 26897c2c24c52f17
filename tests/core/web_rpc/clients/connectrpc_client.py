"""The client of the package connectrpc: makes calls in every protocol and encoding, and prints their results as JSON.

connectrpc_client.py HTTP_URL, with `tandem` on the path.
"""

import json
import sys

from connectrpc.client import ConnectClientSync
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.protocol import ProtocolType

from tandem.change.v1.change_pb2 import Change, WatchChangesRequest
from tandem.task.v1.task_pb2 import CreateTaskRequest, GetTaskRequest, Task


def method(service, name, request, response, *, reads=False, streams=False):
    level = IdempotencyLevel.NO_SIDE_EFFECTS if reads else IdempotencyLevel.UNKNOWN
    kind = StreamType.SERVER_STREAM if streams else StreamType.UNARY
    return MethodInfo(
        name=name, service_name=service, input=request, output=response, idempotency_level=level, stream_type=kind
    )


CREATE = method("taskservice.TaskService", "CreateTask", CreateTaskRequest, Task)
GET = method("taskservice.TaskService", "GetTask", GetTaskRequest, Task, reads=True)
WATCH = method("change.v1.ChangeService", "WatchChanges", WatchChangesRequest, Change, streams=True)


def calls(client, title):
    made = client.execute_unary(request=CreateTaskRequest(title=title), method=CREATE)
    read = client.execute_unary(request=GetTaskRequest(id=made.id), method=GET, use_get=True)
    watched = client.execute_server_stream(request=WatchChangesRequest(include_initial=True), method=WATCH)
    first = next(iter(watched))
    failures = []
    for request in (CreateTaskRequest(), CreateTaskRequest(title="t", project_id="none")):
        try:
            client.execute_unary(request=request, method=CREATE)
        except ConnectError as error:
            failures.append([error.code.value, error.message, [detail.type_name for detail in error.details]])
    try:
        list(client.execute_server_stream(request=WatchChangesRequest(cursor="none"), method=WATCH, timeout_ms=5000))
    except ConnectError as error:
        failures.append([error.code.value, error.message, []])
    return {"title": read.title, "event": first.kind, "failures": failures}


def main():
    (url,) = sys.argv[1:]
    found = {}
    for protocol in (ProtocolType.CONNECT, ProtocolType.GRPC_WEB):
        for codec in (google_protobuf_binary_codec(), google_protobuf_json_codec()):
            name = f"{protocol.name} {codec.name()}"
            with ConnectClientSync(url, protocol=protocol, codec=codec) as client:
                found[name] = calls(client, name)
    sys.stdout.write(json.dumps(found))


main()
