"""Commands that an operator may interrupt."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

_EXIT_CODE = 130


@contextmanager
def interruptible(message: str) -> Iterator[None]:
    """End the command with this message on Ctrl-C or SIGTERM, after what it has begun was undone."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise CommandError(message, returncode=_EXIT_CODE) from None
