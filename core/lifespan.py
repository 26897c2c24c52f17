"""What runs beside the calls in every process that serves, whichever door (`settings.ALONGSIDE`)."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module

from django.conf import settings
from django.db import Error

from core.db import connection_budget, poolers, sessions
from embedded_postgres import lifecycle

_SWITCH_SECONDS = 0.001


@contextmanager
def running_alongside(threads: int, *, streams: bool = True) -> Iterator[None]:
    """Surrounds the life of a process, after its last fork.

    Args:
        threads: how many of the process have a database connection of their own at all times.
        streams: it serves streams of events.

    Raises:
        ImproperlyConfigured: a pooler stands before the database that cannot carry what runs here, or the database
            takes fewer connections than the process needs.
    """
    with suppress(Error):  # It is away. About the pooler is asked again before anything is locked.
        poolers.refuse_pooler()
        connection_budget.check(threads)
    if streams:  # It serves calls. Workers take the time that a job takes.
        sessions.limit(
            statement_seconds=settings.DATABASE_STATEMENT_SECONDS,
            idle_transaction_seconds=settings.DATABASE_IDLE_TRANSACTION_SECONDS,
        )
    module = import_module(settings.ALONGSIDE)
    _spare_the_collector()
    # Calls that only compute keep the interpreter for so long from one that the database has answered; each call meets
    # that several times.
    sys.setswitchinterval(_SWITCH_SECONDS)
    module.start(streams=streams)
    try:
        yield
    finally:
        # Threads that wait for the embedded database would keep the process from ending.
        lifecycle.end_waiting()
        module.stop()


def _spare_the_collector() -> None:
    """Has the garbage collector never again look at what the process has loaded by now, which stays anyway.

    A full collection stops all threads for as long as it takes to look at everything (measured: 50 to 100 ms, every ten
    seconds while 1,000 streams were sent to), and whatever was due meanwhile came so much later.
    """
    gc.collect()
    gc.freeze()
