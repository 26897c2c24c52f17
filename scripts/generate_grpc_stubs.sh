#!/usr/bin/env bash
# Generates the Python stubs in tandem/ from proto/. They are committed; tests/contract/test_stubs.py compares them.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: scripts/generate_grpc_stubs.sh [OUTPUT_DIRECTORY]

Generates the Python stubs of proto/tandem/**/*.proto into OUTPUT_DIRECTORY/tandem (default: the project itself).
The same protos give the same bytes. PYTHON names the interpreter to use (default: .venv/bin/python).
TEXT
}

case ${1-} in
    -h | --help) usage; exit 0 ;;
    -*) usage >&2; exit 2 ;;
esac
if [ $# -gt 1 ]; then
    usage >&2
    exit 2
fi

project=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$project/.venv/bin/python}
output=${1:-$project}
mkdir -p "$output"
output=$(cd "$output" && pwd)

if ! "$python" -c 'import grpc_tools, google.api' 2>/dev/null; then
    echo "$python has no grpcio-tools: install requirements.txt, or name another interpreter in PYTHON." >&2
    exit 1
fi
googleapis=$("$python" -c 'import google.api, pathlib; print(pathlib.Path(next(iter(google.api.__path__))).parents[1])')

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cd "$project/proto"
set --
while IFS= read -r proto; do
    set -- "$@" "$proto"
done < <(find tandem -name '*.proto' | LC_ALL=C sort)
"$python" -m grpc_tools.protoc -I. -I"$googleapis" --pyi_out="$output" \
    --descriptor_set_out="$scratch/descriptors" --include_imports --include_source_info "$@"
"$python" "$project/scripts/write_stubs.py" "$scratch/descriptors" "$output" "$@"
