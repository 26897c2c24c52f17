"""The product's settings for `rungrpc`, with a service that does nothing."""

from config.settings import *

ROOT_RPCCONF = "bench.empty.rpc"
