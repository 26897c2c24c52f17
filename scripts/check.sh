#!/usr/bin/env bash
# Everything that must hold before a change is taken in; CI runs the same (.ci/run). Stops at the first that does not.
set -euo pipefail
unset CDPATH
cd -P -- "$(dirname -- "$0")/.."
. scripts/setup.sh

heading="set-up"
types=
started=$SECONDS
work=$(mktemp -d "${TMPDIR:-/tmp}/tandem-check.XXXXXX")

at_exit() {
    local code=$?
    [ -z "$types" ] || kill "$types" 2>/dev/null || true
    rm -rf "$work"
    if [ "$code" != 0 ]; then
        printf '\nFAILED: %s (exit code %s)\n' "$heading" "$code" >&2
    fi
}
trap at_exit EXIT

# Prints how long the previous step took, and begins the next one.
step() {
    printf -- '--- %s s\n' $((SECONDS - started))
    heading=$1
    started=$SECONDS
    printf '\n=== %s\n' "$heading"
}

printf '=== %s\n' "$heading"
set_up requirements-check.txt
command -v npm >/dev/null || give_up "scripts/check.sh needs npm, which brings buf: install Node.js 18 or newer."
if ! cmp -s package-lock.json node_modules/installed-lock.json; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/installed-lock.json
fi
PATH=$PWD/.venv/bin:$PWD/node_modules/.bin:$PATH

# The longest of the checks, on another core than the others.
mypy . >"$work/types" 2>&1 &
types=$!

step "format: ruff format"
ruff format --check .

step "lint: ruff check"
ruff check .

step "prose: docstrings, comments, messages, documents, commit subjects"
python scripts/check_prose.py
# In a clone; elsewhere there are no commits to compare with.
if git rev-parse -q --verify origin/main >/dev/null 2>&1; then
    python scripts/check_prose.py --commits origin/main..HEAD
fi

step "lint: hadolint"
hadolint Dockerfile

step "lint: shellcheck"
shellcheck --shell=bash --severity=warning scripts/*.sh .ci/run

step "import contracts: lint-imports"
lint-imports

step "stubs: tandem/ is what proto/ generates"
mkdir "$work/generated" "$work/committed"
scripts/generate_grpc_stubs.sh "$work/generated"
# None may be missing or left over. What else is in tandem/ is written by hand, and so is all of the client.
find tandem \( -name '*_pb2*.py*' -o -path 'tandem/*/__init__.py' \) ! -name '*.pyc' ! -path 'tandem/client/*' | tar -cf - -T - |
    tar -xf - -C "$work/committed"
diff -ru "$work/committed/tandem" "$work/generated/tandem" ||
    give_up "The stubs in tandem/ are not those of proto/: run scripts/generate_grpc_stubs.sh and commit them."

step "web app: web/dist is what web/ builds"
npm run --silent types
tsc --project web
vite build --config web/vite.config.mjs --outDir "$work/web" --logLevel warn
diff -r web/dist "$work/web" || give_up "web/dist is not what web/ builds: run npm run build and commit it."

step "documentation: the site builds, and its links lead somewhere"
python -m scripts.site

step "migrations: makemigrations --check"
DJANGO_SETTINGS_MODULE=tests.settings python manage.py makemigrations --check --dry-run

step "contracts: buf lint"
scripts/build_proto_image.sh "$work/contracts.binpb" --include_source_info
buf lint "$work/contracts.binpb" --config buf.yaml

step "contracts: buf breaking, against proto/released.binpb"
buf breaking "$work/contracts.binpb" --against proto/released.binpb --config buf.yaml ||
    give_up "That breaks clients. If it was never released: scripts/build_proto_image.sh proto/released.binpb"

step "settings for production: check --deploy"
env DEBUG=false DEV_AUTH_AS= DATABASE_URL= TANDEM_DATA_DIR="$work/var" HTTPS_ONLY=true TRUSTED_PROXIES=1 ALLOWED_HOSTS=tandem.example.com \
    PUBLIC_URL=https://tandem.example.com DEFAULT_FROM_EMAIL=tandem@example.com \
    SECRET_KEY=only-for-this-check-6f1d0c9b8a7e5f4d3c2b1a0987654321fedcba \
    python manage.py check --deploy --fail-level WARNING

step "types: mypy"
wait "$types" || {
    cat "$work/types"
    exit 1
}
types=
tail -n 1 "$work/types"

step "tests"
scripts/test.sh --twice

step "all checks passed"
