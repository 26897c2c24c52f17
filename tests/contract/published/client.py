"""A client that somebody else wrote: it knows the published contracts and nothing of ours.

    python client.py ADDRESS user.UserService

with what protoc's own generators made of the published protos on the path. Reads calls from stdin, one a line, as
`["GetUser", {"user_id": "…"}]`, and prints each answer as a line of JSON: the message, or `{"error": [code, details]}`.
"""

import importlib
import json
import sys
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass


def main(address: str, service: str) -> None:
    proto, _, name = service.partition(".")
    rpcs = importlib.import_module(f"{proto}_pb2").DESCRIPTOR.services_by_name[name].methods_by_name
    with grpc.insecure_channel(address) as channel:
        stub = getattr(importlib.import_module(f"{proto}_pb2_grpc"), f"{name}Stub")(channel)
        for line in sys.stdin:
            rpc, fields = json.loads(line)
            request = ParseDict(fields, GetMessageClass(rpcs[rpc].input_type)())
            sys.stdout.write(json.dumps(answer(getattr(stub, rpc), request)) + "\n")
            sys.stdout.flush()


def answer(rpc: Any, request: Any) -> dict[str, Any]:
    try:
        return MessageToDict(rpc(request, timeout=10), preserving_proto_field_name=True)
    except grpc.RpcError as error:
        return {"error": [error.code().name, error.details()]}


if __name__ == "__main__":
    main(*sys.argv[1:])
