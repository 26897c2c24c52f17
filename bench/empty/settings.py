"""The product's settings, with doors behind which nothing is done."""

from bench.settings import *

ROOT_RPCCONF = "bench.empty.rpc"
ASGI_APPLICATION = "bench.empty.asgi.application"
