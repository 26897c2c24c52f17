# Makes .venv and installs the pinned requirements. The other scripts source it from the project's folder:
#
#   . scripts/setup.sh
#   set_up [requirements-check.txt]     # requirements.txt always
#
# Does nothing when the files are those that were installed (.venv/installed/ has copies) and the environment still has
# what they pin. Written for bash 3.2, the version of macOS.

say() { printf '%s\n' "$*"; }

# A sentence on standard error, and the end.
give_up() {
    printf '%s\n' "$*" >&2
    exit 1
}

set_up() {
    local file missing=""
    refuse_native_windows
    for file in requirements.txt requirements-moonshine.txt "$@"; do
        cmp -s "$file" ".venv/installed/$file" || missing="$missing $file"
    done
    if [ -z "$missing" ] && ls .venv/lib/python3.*/site-packages/tandem.pth >/dev/null 2>&1 &&
        .venv/bin/python scripts/check_installed.py requirements.txt "$@" >/dev/null 2>&1; then
        return
    fi
    # Two scripts may be started at once in a new checkout: the second waits for the first, and finds its work done.
    local python
    python=$(find_python)
    "$python" scripts/install.py requirements.txt "$@" || exit 1
}

# Git Bash, MSYS2 and Cygwin run Windows' own Python, which lacks what the servers use (fork, Unix sockets, flock).
refuse_native_windows() {
    case ${OSTYPE:-} in
        msys* | cygwin* | win*)
            give_up "Tandem does not run on Windows itself: install WSL (wsl --install), and run $0 in its Linux."
            ;;
    esac
}

# The first Python that is new enough.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    give_up "Tandem needs Python 3.11 or newer, and none was found (${PYTHON:-python3} is" \
        "$("${PYTHON:-python3}" --version 2>&1 || echo missing)): install one, or name it, e.g. PYTHON=/usr/bin/python3.12 $0"
}
