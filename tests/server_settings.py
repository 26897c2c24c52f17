"""Settings of servers that tests start: the product's, with cheap password hashes and what a test changes."""

import os
import sys

# Django REST framework imports this package where it is, which takes 0.1 s of a start. The product is without it,
# except where traces are sent.
if "OTEL_EXPORTER_OTLP_ENDPOINT" not in os.environ:
    sys.modules.setdefault("requests", None)  # type: ignore[arg-type]

from config.settings import *
from config.settings import SPEECH_SCHEMES
from tests.support import setting_overrides

ARGON2_MEMORY_KIB = 64
SPEECH_SCHEMES = {**SPEECH_SCHEMES, "script": "tests.support.scripted_speech.ScriptedNode"}
# Each test that reads metrics chooses a port: others run on this machine.
WEB_METRICS_PORT = GRPC_METRICS_PORT = WORKER_METRICS_PORT = NODE_METRICS_PORT = 0
globals().update(setting_overrides.read(globals()))
