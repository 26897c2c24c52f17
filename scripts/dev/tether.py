"""Runs a Python program that ends with its parent: `python -m scripts.dev.tether manage.py rungrpc`.

The parent holds the other end of standard input. The kernel closes it when the parent ends, even after a crash. This
process is then terminated, and killed after a grace period. Works alike on Linux and macOS.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 15


def main(arguments: list[str]) -> None:
    """Run the program that `arguments` name, as `python` would."""
    # Exits normally, so that the program's exit handlers run. Programs may install a better handler.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    threading.Thread(target=_end_with_parent, name="tether", daemon=True).start()
    sys.argv = arguments
    runpy.run_path(arguments[0], run_name="__main__")


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
