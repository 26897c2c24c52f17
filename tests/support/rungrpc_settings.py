"""Settings of the servers that `tests/core/test_rungrpc.py` starts: the product's, with operations for tests."""

import os
from pathlib import Path

from tests.server_settings import *

ROOT_RPCCONF = "tests.support.rungrpc_services"
#: Small, so that a message above it is made quickly.
MAX_REQUEST_BYTES = 1_000_000
BASE_DIR = Path(os.environ.get("WATCHED_SOURCE", "."))
