#!/usr/bin/env bash
# Calls every operation with hostile requests: over REST by Schemathesis, from docs/openapi.json, and over gRPC, gRPC-Web
# and Connect with messages built from the contracts. Both servers run on a database of their own. Fails if any call ends
# as INTERNAL, UNKNOWN or 5xx, an answer is not as it is described, a server dies or logs a traceback.
#
#   scripts/fuzz.sh                     20,000 cases
#   scripts/fuzz.sh --cases 100000      the long form
#   scripts/fuzz.sh --seed 2            other cases
#   scripts/fuzz.sh --only gRPC         one transport; a quarter of the cases (REST: half)
set -euo pipefail
unset CDPATH PYTHONDONTWRITEBYTECODE
cd -P -- "$(dirname -- "$0")/.."
. scripts/setup.sh
set_up requirements-check.txt requirements-fuzz.txt
exec .venv/bin/python -m tests.fuzz "$@"
