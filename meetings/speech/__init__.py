"""Speech engines behind three protocols, independent of how and where they run.

`pool` chooses a node, `protocols` defines requests and answers, `validation` checks answers; `child_process`, `client`
and `scripted` are implementations of nodes. Only this package depends on gRPC.
"""
