#!/usr/bin/env bash
# Serves Tandem for development, on a machine with nothing but Python 3.11 or newer: see --help.
set -euo pipefail
unset CDPATH
called_from=$PWD
cd -P -- "$(dirname -- "$0")/.."
. scripts/setup.sh

for argument in "$@"; do
    case $argument in
        -h | --help)
            python=$(find_python)
            exec "$python" -m scripts.dev.options
            ;;
    esac
done

set_up
exec .venv/bin/python -m scripts.dev --called-from "$called_from" "$@"
