"""A program `grpcurl` for tests of documents. Neither npm nor PyPI has the real one; it runs `buf curl`."""

from pathlib import Path

_SCRIPT = """#!/usr/bin/env bash
options=(--protocol grpc --http2-prior-knowledge)
run=(exec)
while [[ $1 == -* ]]; do
    case $1 in
        -plaintext) shift ;;
        -max-time) run=(timeout "$2"); shift 2 ;;
        -d) options+=(-d "${2/#@/@-}"); shift 2 ;;
        -H) options+=("$1" "$2"); shift 2 ;;
        *) echo "$1 is not among the options of grpcurl that are known here" >&2; exit 2 ;;
    esac
done
case $2 in
    list) exec buf curl "${options[@]}" --list-services "http://$1" ;;
    *) "${run[@]}" buf curl "${options[@]}" "http://$1/$2" ;;
esac
"""


def install(folder: Path) -> Path:
    """Write the program into the folder, and return the folder for PATH."""
    program = folder / "grpcurl"
    program.write_text(_SCRIPT)
    program.chmod(0o755)
    return folder
