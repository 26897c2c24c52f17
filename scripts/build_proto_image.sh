#!/usr/bin/env bash
# Builds an image (a FileDescriptorSet) of the contracts in proto/ and of what they import.
#
#   scripts/build_proto_image.sh IMAGE [protoc options]
#
# proto/released.binpb is the image of the released contracts: scripts/check.sh refuses a change that would break their
# clients. Make a new one with each release of a contract:
#
#   scripts/build_proto_image.sh proto/released.binpb
set -euo pipefail
unset CDPATH
image=${1:?usage: scripts/build_proto_image.sh IMAGE [protoc options]}
shift
case $image in /*) ;; *) image=$PWD/$image ;; esac
cd -P -- "$(dirname -- "$0")/.."
python=$PWD/.venv/bin/python
imported=$("$python" -c 'import google.api, pathlib; print(pathlib.Path(next(iter(google.api.__path__))).parents[1])')
cd proto
find tandem -name '*.proto' -print0 | LC_ALL=C sort -z |
    xargs -0 "$python" -m grpc_tools.protoc -I. -I"$imported" --include_imports --descriptor_set_out="$image" "$@"
