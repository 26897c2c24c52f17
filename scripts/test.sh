#!/usr/bin/env bash
# Runs the tests against a database of their own, beside a development server if one runs.
#
#   scripts/test.sh                      all tests
#   scripts/test.sh tests/core -k paging any options and paths of pytest
#   scripts/test.sh -m faults            cuts, kills and load for minutes (docs/testing.md); no other run has them
#   scripts/test.sh --cov                all tests, and how much of our code they run: htmlcov/index.html
#   scripts/test.sh -n 4 --dist loadfile all tests, on four cores
set -euo pipefail
unset CDPATH
cd -P -- "$(dirname -- "$0")/.."
. scripts/setup.sh
set_up

arguments=()
for argument in "$@"; do
    case $argument in
        # What is measured stands in pyproject.toml. An option follows, or a path would be taken for what to measure.
        --cov) arguments+=(--cov --cov-report=html --cov-report=term:skip-covered) ;;
        *) arguments+=("$argument") ;;
    esac
done
exec .venv/bin/python -m pytest ${arguments[@]+"${arguments[@]}"}
