"""gRPC: the server, its limits and TLS."""

from config.settings.base import DEBUG, PROCESSORS, env

ROOT_RPCCONF = "config.rpc"

GRPC_HOST = env.listening_host("GRPC_HOST", default="127.0.0.1")
GRPC_PORT = env.port("GRPC_PORT", default=50051)
#: As TRUSTED_PROXIES, of the proxies in front of gRPC: a client that reaches the port without them must not be able to
#: choose its address.
GRPC_TRUSTED_PROXIES = env.int("GRPC_TRUSTED_PROXIES", default=0)
#: Threads of a process that serve calls, and how many calls may wait for one; further calls are refused at once.
GRPC_MAX_WORKERS = env.int("GRPC_MAX_WORKERS", default=10, at_least=1)
GRPC_MAX_QUEUE = 10 * GRPC_MAX_WORKERS
#: Threads of a process that send to open streams, and as many that serve streams which must catch up.
GRPC_SENDERS = min(max(4, PROCESSORS), 16)
#: Calls of any kind on one connection.
GRPC_MAX_STREAMS_PER_CONNECTION = 1_000
#: How long a connection's handshake may take, and the message of a unary call.
GRPC_MESSAGE_WAIT_SECONDS = 5.0
#: Connections without calls are closed after this time; clients connect again at their next call.
GRPC_MAX_CONNECTION_IDLE_SECONDS = 300
#: Connections are closed after this time, so that balancers can spread them anew, with a grace for running calls;
#: streams end a little before the grace does.
GRPC_MAX_CONNECTION_AGE_SECONDS = 1_800
GRPC_MAX_CONNECTION_AGE_GRACE_SECONDS = 1_800
#: At the end: how long calls are still accepted after health reports NOT_SERVING, then how long running calls
#: may take (`rungrpc --drain-wait` and `--grace`).
GRPC_DRAIN_WAIT_SECONDS = 0.0
GRPC_GRACE_SECONDS = 30.0
#: PEM files. With an authority for clients, a client must show a certificate of it.
GRPC_TLS_CERT = env.file("GRPC_TLS_CERT")
GRPC_TLS_KEY = env.file("GRPC_TLS_KEY")
GRPC_CLIENT_CA = env.file("GRPC_CLIENT_CA")
#: Whether reflection is served (`--reflection`).
GRPC_REFLECTION = DEBUG
#: Use parts of grpcio that no document describes, where they look familiar (docs/decisions/0023). Without them, silent
#: clients and open streams hold threads.
GRPC_PRIVATE_API = True
