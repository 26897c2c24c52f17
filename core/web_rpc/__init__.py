"""gRPC-Web and Connect: the operations as rpcs on the HTTP port, for browsers and any HTTP client.

`POST /<package.Service>/<Rpc>` serves every operation with one request message. The content type of the request names
the protocol and the encoding of messages. `view` runs a call; `wire` is the interface of a protocol, which
`grpc_web` and `connect` implement.
"""
