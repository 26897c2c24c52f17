"""Client of speech nodes, which run the engines of the pipeline. Requests and answers are messages of `speech.v1`.

`pool` chooses a node, `node` defines what one does, `validation` checks its answers; `client` calls a node over gRPC,
and `child_process` runs one. Only this package depends on gRPC.
"""
