#!/usr/bin/env bash
# Breaks the kernel and the services in small ways (mutants), runs the tests that cover the broken line for each, and
# reports which mutants no test has noticed. Takes an hour for all modules; a monthly job runs it, CI does not.
#
#   scripts/mutation.sh                     all modules
#   scripts/mutation.sh core/bulk           one module
#   scripts/mutation.sh --sample 100        of each module 100 mutants, the same each time
#   scripts/mutation.sh --report            only the report of the earlier runs
#   scripts/mutation.sh --help              all options, and the modules
#
# It continues where an earlier run has ended: mutants that were killed stay so, survivors are tried again. Each run
# works on copies under var/mutation; remove that folder to begin anew.
set -euo pipefail
unset CDPATH
cd -P -- "$(dirname -- "$0")/.."
. scripts/setup.sh
set_up requirements-mutation.txt
exec .venv/bin/python -m scripts.mutation "$@"
