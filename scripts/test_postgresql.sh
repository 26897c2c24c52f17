#!/usr/bin/env bash
# Runs the suites that lean on the database most against an installed PostgreSQL, in a private cluster that is gone
# afterwards: the embedded one is version 18, and others plan, compile and lock otherwise.
#
#   scripts/test_postgresql.sh [FOLDER OF initdb AND pg_ctl] [pytest options and paths]
#
# The folder is Debian's /usr/lib/postgresql/15/bin if none is given.
set -euo pipefail
unset CDPATH
cd -P -- "$(dirname -- "$0")/.."
bin=/usr/lib/postgresql/15/bin
if [ -x "${1:-}/initdb" ]; then
    bin=$1
    shift
fi
[ -x "$bin/initdb" ] || {
    echo "There is no PostgreSQL in $bin: install it (Debian: postgresql-15), or name the folder of its initdb." >&2
    exit 2
}

cluster=$(mktemp -d)
# PostgreSQL refuses to run as root.
run=()
if [ "$(id -u)" = 0 ]; then
    account=nobody
    chown "$account" "$cluster"
    run=(setpriv "--reuid=$account" --clear-groups --no-new-privs)
    run+=(env "HOME=$cluster")
fi
in_cluster() { (cd "$cluster" && ${run[@]+"${run[@]}"} "$@"); }
stop() {
    in_cluster "$bin/pg_ctl" stop -D "$cluster/data" -m immediate -s || true
    rm -rf "$cluster"
}
trap stop EXIT

in_cluster "$bin/initdb" -D "$cluster/data" -U tandem -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$cluster.log" 2>&1 ||
    { cat "$cluster.log" >&2; exit 1; }
rm -f "$cluster.log"
# JIT is left as it is: on, where there is LLVM.
port=$(.venv/bin/python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
in_cluster "$bin/pg_ctl" start -D "$cluster/data" -l "$cluster/log" -w -s -o "-c listen_addresses=127.0.0.1 -c port=$port \
    -c unix_socket_directories= -c max_connections=250 -c fsync=off -c synchronous_commit=off -c full_page_writes=off"

export TEST_DATABASE_URL=postgres://tandem@127.0.0.1:$port/postgres
test_on_it() { scripts/pytest_twice.sh -q "$@"; }
if [ $# != 0 ]; then
    test_on_it "$@"
    exit
fi
# The feed with real servers, too: how their sessions are set up is part of what differs.
test_on_it -n logical --dist loadfile tests/changes tests/tasks
test_on_it -n logical --dist loadfile -m "not real_server and not faults" tests/meetings
