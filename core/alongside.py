"""What runs beside the calls in every process that serves, whichever door (`settings.ALONGSIDE`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from django.conf import settings


@contextmanager
def running_alongside(*, streams: bool = True) -> Iterator[None]:
    """Surrounds the life of a process, after its last fork.

    Args:
        streams: it serves streams of events.
    """
    module = import_module(settings.ALONGSIDE)
    module.start(streams=streams)
    try:
        yield
    finally:
        module.stop()
