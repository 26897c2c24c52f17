#!/usr/bin/env bash
# Runs the tests against a database of their own, beside a development server if one runs.
#
#   scripts/test.sh                      all tests, with three processes for two cores
#   scripts/test.sh tests/core -k paging any options and paths of pytest, in one process
#   scripts/test.sh -m faults            cuts, kills and load (docs/extend/testing.md); no other run has them
#   scripts/test.sh --cov                all tests, and how much of our code they run: htmlcov/index.html
#   scripts/test.sh --twice              what fails runs once more (scripts/pytest_twice.sh)
set -euo pipefail
# Without compiled modules, each server and each process of pytest would compile all of them again: a fifth of a start.
unset CDPATH PYTHONDONTWRITEBYTECODE
cd -P -- "$(dirname -- "$0")/.."
. scripts/setup.sh
set_up

# All tests are spread over processes, by whole files, each process with a database of its own. tests/conftest.py decides
# how many there are, and puts the files that take longest first; their order is kept.
arguments=()
pytest=(.venv/bin/python -m pytest)
spread=(-n logical --dist loadfile --no-loadscope-reorder)
for argument in "$@"; do
    case $argument in
        # What is measured stands in pyproject.toml. An option follows, or a path would be taken for what to measure.
        --cov) arguments+=(--cov --cov-report=html --cov-report=term:skip-covered) ;;
        --twice) pytest=(scripts/pytest_twice.sh) ;;
        --cov*) arguments+=("$argument") ;;
        *)
            arguments+=("$argument")
            spread=()
            ;;
    esac
done
exec ${pytest[@]+"${pytest[@]}"} ${spread[@]+"${spread[@]}"} ${arguments[@]+"${arguments[@]}"}
