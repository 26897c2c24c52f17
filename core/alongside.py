"""What runs beside the calls in every process that serves, whichever door (`settings.ALONGSIDE`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from django.conf import settings


@contextmanager
def running_alongside() -> Iterator[None]:
    """Surrounds the life of a process that serves, after its last fork."""
    module = import_module(settings.ALONGSIDE)
    module.start()
    try:
        yield
    finally:
        module.stop()
