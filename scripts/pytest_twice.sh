#!/usr/bin/env bash
# Runs pytest for CI: if few tests fail, these run once more, one after the other. A machine that is shared may stop a
# test of times for seconds. A test that passes only then is named as flaky at the end: it is a fault to mend.
#
#   scripts/pytest_twice.sh [options and paths of pytest]
set -euo pipefail
unset CDPATH PYTHONDONTWRITEBYTECODE # As in scripts/test.sh.
cd -P -- "$(dirname -- "$0")/.."
most=3 # More are no accident.
cache=$(mktemp -d)
trap 'rm -rf "$cache"' EXIT

code=0
.venv/bin/python -m pytest -o "cache_dir=$cache" "$@" || code=$?
[ "$code" = 1 ] || exit "$code"
failed=$(.venv/bin/python - "$cache/v/cache/lastfailed" "$most" <<'END'
import json, pathlib, sys

path, most = pathlib.Path(sys.argv[1]), int(sys.argv[2])
failed = list(json.loads(path.read_text())) if path.exists() else []
# Of a file that cannot be imported, only the file is named.
if 0 < len(failed) <= most and all("::" in name for name in failed):
    print("\n".join(failed))
END
)
# None if it was the coverage that failed.
[ -n "$failed" ] || exit "$code"
printf '\nFailed, and run once more:\n%s\n' "$failed"
.venv/bin/python -m pytest -o "cache_dir=$cache" "$@" -n 0 --no-cov --last-failed --last-failed-no-failures none
for argument in "$@"; do
    case $argument in
        --cov-fail-under=*) .venv/bin/coverage report "--fail-under=${argument#*=}" >/dev/null || exit ;;
    esac
done
printf '\nFLAKY: passed only when run again:\n%s\n' "$failed" >&2
