"""The product's settings, with handlers that do nothing behind both transports."""

from bench.settings import *

ROOT_RPCCONF = "bench.empty.rpc"
ASGI_APPLICATION = "bench.empty.asgi.application"
