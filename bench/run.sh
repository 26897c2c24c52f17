#!/usr/bin/env bash
# Compares the product with its limit and with its peers, which it installs first, each in an environment of its own.
#
#   bench/run.sh                  all comparisons; writes bench/results
#   bench/run.sh get              one: get, list, create, web, identity, processes, feed
#   bench/run.sh get --compare    writes nothing; fails if a ratio is 10 % worse than the committed one
set -euo pipefail
unset CDPATH
cd -P -- "$(dirname -- "$0")/.."
. scripts/setup.sh
set_up

for requirements in bench/peers/requirements/*.txt; do
    environment=var/bench/peers/$(basename "$requirements" .txt)
    if ! cmp -s "$requirements" "$environment/requirements.txt"; then
        .venv/bin/python -m venv "$environment"
        "$environment/bin/pip" install --quiet --requirement "$requirements"
        cp "$requirements" "$environment/requirements.txt"
    fi
done
exec .venv/bin/python -m bench.comparison "$@"
