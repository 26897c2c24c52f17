"""`python -m speechnode`: serves `speech.v1` until it is told to end."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence

# Its matrices are small: more threads than one cost more than they help. Read when numpy is loaded, which is later.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from speechnode.catalog import OFFERS
from speechnode.intake import Limits
from speechnode.logs import set_up
from speechnode.server import ORPHANED, CannotServeError, Options, Signals, serve


def main(arguments: Sequence[str]) -> int:
    """Runs a node; the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    engines = tuple(name.strip() for name in given.engines.split(",") if name.strip())
    if unknown := [name for name in engines if name not in OFFERS]:
        parser.error(f"--engines: {', '.join(unknown)}: there are {', '.join(OFFERS)}")
    set_up(as_json=given.log == "json", level=given.log_level)
    signals = _signals()
    if given.end_with_stdin:
        threading.Thread(target=_watch_stdin, args=(signals,), name="stdin", daemon=True).start()
    limits = Limits(given.max_file_mib * 2**20, given.max_seconds)
    options = Options(given.listen, engines, given.max_streams, given.asr_processes, given.grace, limits)
    try:
        return serve(options, signals, _announce)
    except CannotServeError as exc:
        print(exc, file=sys.stderr)  # noqa: T201 - for whoever typed the command.
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m speechnode",
        description="A speech node: transcribes, tells voices apart and summarises, for callers of speech.v1 (gRPC).",
        epilog="SIGTERM or SIGINT: takes no more calls, and ends with those that run; a second one: at once.",
    )
    option = parser.add_argument
    option(
        "--listen", default="127.0.0.1:50071", help="unix:/path or 127.0.0.1:port; port 0: any (default: %(default)s)"
    )
    option(
        "--engines", default=",".join(OFFERS), help="which of %(default)s to offer, separated by commas (default: all)"
    )
    option("--max-streams", type=_positive, default=4, help="calls that are served at once (default: %(default)s)")
    option(
        "--asr-processes",
        type=_positive,
        default=1,
        help="utterances that are transcribed at once (default: %(default)s)",
    )
    option("--max-file-mib", type=_positive, default=4096, help="the largest file that is taken (default: %(default)s)")
    option(
        "--max-seconds",
        type=_positive,
        default=43_200,
        help="the longest file that is taken, by the sound in it (default: %(default)s)",
    )
    option(
        "--grace", type=float, default=30.0, help="seconds that calls have to end after a signal (default: %(default)s)"
    )
    option("--end-with-stdin", action="store_true", help="end at once when standard input ends: when the parent does")
    option(
        "--log", choices=("text", "json"), default="text" if sys.stderr.isatty() else "json", help="how log lines look"
    )
    option("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return number


def _signals() -> Signals:
    """Gets SIGTERM and SIGINT from now on.

    The interpreter runs handlers in the main thread only; where the system gives the signal to another thread, a main
    thread that waits sleeps on (on a busy machine that was every tenth signal). A byte in a pipe wakes who reads it.
    """
    signals = Signals()
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: None)

    def pass_on() -> None:
        while number := os.read(reads, 1):
            signals.put(number[0])

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
    return signals


def _announce(address: str) -> None:
    print(f"Serving speech.v1 on {address}", flush=True)  # noqa: T201 - whoever started the node reads it.


def _watch_stdin(signals: Signals) -> None:
    """The parent holds the other end: when it is gone, however it went, the kernel closes that end."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    signals.put(ORPHANED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
