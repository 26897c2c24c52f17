#!/usr/bin/env bash
# Runs a command with another Python: in a copy of the project whose .venv has that Python, and which is removed
# afterwards.
#
#   scripts/with_python.sh 3.13 scripts/test.sh -m real_server
#   scripts/with_python.sh /usr/local/bin/python3.14 scripts/test.sh tests/core -x
#   scripts/with_python.sh --check 3.13     # only find out whether it is here
set -euo pipefail
unset CDPATH
cd -P -- "$(dirname -- "$0")/.."
. scripts/setup.sh

usage="usage: scripts/with_python.sh VERSION|INTERPRETER COMMAND ..."
only_check=false
if [ "${1:-}" = --check ]; then
    only_check=true
    shift
fi
wanted=${1:?$usage}
shift
[ $# != 0 ] || $only_check || give_up "$usage"

# On the PATH, or among the versions of pyenv.
find_wanted() {
    local candidate
    for candidate in "$wanted" "python$wanted" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$wanted".*/bin/python; do
        if "$candidate" -c 'import venv' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    give_up "There is no Python $wanted with its venv module: install it, or name an interpreter by its path."
}
python=$(find_wanted)
if $only_check; then
    exit
fi

# Not within the project, whose checks would take the copy for a part of it.
copy=$(mktemp -d "${TMPDIR:-/tmp}/tandem-python.XXXXXX")
trap 'rm -rf "$copy"' EXIT
# As root, PostgreSQL runs as another user, who must be able to enter.
chmod 755 "$copy"
# Caches are of no use to another Python: compiled modules (also those of pytest), and what mypy and ruff keep.
tar -cf - --exclude ./.venv --exclude ./var --exclude ./node_modules --exclude ./.git --exclude __pycache__ \
    --exclude './.*_cache' . | tar -xf - -C "$copy"
if [ -d node_modules ]; then
    ln -s "$PWD/node_modules" "$copy/node_modules"
fi
cd "$copy"
"$python" scripts/install.py requirements.txt
"$@"
