"""The command `python -m speechnode`, which serves `speech.v1` until it is stopped by a signal."""

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

# The engines' matrices are small, so several BLAS threads are slower than one. numpy reads this when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from log_formats import JsonFormatter, TextFormatter
from server_certificates import Certificates
from speechnode.catalog import OFFERS
from speechnode.intake import Limits
from speechnode.server import ORPHANED, CannotServeError, Options, Signals, serve
from tandem import __version__
from telemetry import metrics_address, tracing

#: The name of the process, in its log lines and traces.
SERVICE = "tandem-node"


def main(arguments: Sequence[str]) -> int:
    """Run a node. Returns the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    engines = tuple(name.strip() for name in given.engines.split(",") if name.strip())
    if unknown := [name for name in engines if name not in OFFERS]:
        parser.error(f"--engines: {', '.join(unknown)} not known; choose from {', '.join(OFFERS)}")
    files = (given.tls_cert, given.tls_key, given.client_ca)
    if any(files) and not all(files):
        parser.error("--tls-cert, --tls-key and --client-ca belong together: give all three, or none")
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(SERVICE) if given.log == "json" else TextFormatter())
    logging.basicConfig(level=given.log_level.upper(), handlers=[handler])
    signals = _signals()
    if given.end_with_stdin:
        threading.Thread(target=_watch_stdin, args=(signals,), name="stdin", daemon=True).start()
    limits = Limits(given.max_file_mib * 2**20, given.max_seconds)
    options = Options(given.listen, engines, given.max_streams, given.asr_processes, given.grace, limits,
                      Certificates(*files) if all(files) else None, given.model_dir)  # fmt: skip
    try:
        if tracing.is_configured():
            tracing.start(SERVICE, __version__)
        _serve_metrics(given.metrics_host, given.metrics_port)
        return serve(options, signals, _announce)
    except (CannotServeError, metrics_address.MetricsAddressError, tracing.TracingError) as exc:
        print(exc, file=sys.stderr)  # noqa: T201 - the command's output.
        return 1
    finally:
        if tracing.is_configured():
            tracing.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m speechnode",
        description="Run a speech node, which transcribes, diarizes and summarises for callers of speech.v1 (gRPC).",
        epilog="SIGTERM or SIGINT drains the node: it refuses new calls and exits when the running ones have ended. "
        "A second signal stops it at once.",
    )
    option = parser.add_argument
    option(
        "--listen",
        default="127.0.0.1:50071",
        help="unix:/path, 127.0.0.1:port, or with TLS any host:port; port 0 = any (default: %(default)s)",
    )
    option("--tls-cert", type=Path, metavar="FILE", help="the node's certificate (PEM); read again when it changes")
    option("--tls-key", type=Path, metavar="FILE", help="the key of that certificate")
    option("--client-ca", type=Path, metavar="FILE", help="authority whose certificates callers must show")
    option("--engines", default=",".join(OFFERS), help="engines to offer, separated by commas (default: %(default)s)")
    option(
        "--model-dir",
        type=Path,
        metavar="DIRECTORY",
        help="a model for speech to text that is used before the engines above: Moonshine, or Whisper for CTranslate2",
    )
    option("--max-streams", type=_positive, default=4, help="maximum number of concurrent calls (default: %(default)s)")
    option(
        "--asr-processes",
        type=_positive,
        default=1,
        help="utterances that are transcribed concurrently (default: %(default)s)",
    )
    option("--max-file-mib", type=_positive, default=4096, help="maximum size of a file (default: %(default)s)")
    option(
        "--max-seconds",
        type=_positive,
        default=43_200,
        help="maximum duration of a file's decoded audio (default: %(default)s)",
    )
    option(
        "--grace",
        type=float,
        default=30.0,
        help="seconds that running calls have to end after a signal (default: %(default)s)",
    )
    option("--metrics-host", default="127.0.0.1", help="the address on which metrics are served (default: %(default)s)")
    option(
        "--metrics-port",
        type=int,
        metavar="PORT",
        help=f"serve Prometheus' metrics on this port; 0 = off (default: {metrics_address.NODE_PORT}, if it is free)",
    )
    option(
        "--end-with-stdin",
        action="store_true",
        help="stop at once when standard input closes, as it does when the parent exits",
    )
    option(
        "--log", choices=("text", "json"), default="text" if sys.stderr.isatty() else "json", help="format of log lines"
    )
    option("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _signals() -> Signals:
    """Handle SIGTERM and SIGINT, and return the queue that receives them.

    The interpreter runs handlers in the main thread only. If the system delivers the signal to another thread, a
    blocked main thread does not wake (on a busy machine, one signal in ten). A byte in a pipe wakes the reading thread.
    """
    signals = Signals()
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: None)

    def forward() -> None:
        while number := os.read(reads, 1):
            signals.put(number[0])

    threading.Thread(target=forward, name="signals", daemon=True).start()
    return signals


def _serve_metrics(host: str, port: int | None) -> None:
    if port != 0:
        metrics_address.serve(host, port or metrics_address.NODE_PORT, required=port is not None)


def _announce(address: str) -> None:
    print(f"Serving speech.v1 on {address}", flush=True)  # noqa: T201 - the parent process reads it.


def _watch_stdin(signals: Signals) -> None:
    """Signal `ORPHANED` when standard input closes. The kernel closes it when the parent exits, even after a crash."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    signals.put(ORPHANED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
