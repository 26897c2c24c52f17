"""Supervision of engine calls: a thread stops a call that is no longer needed, or whose engine hangs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import Error, connections

from core.db.thread_connections import fresh_connections
from core.jobs import LeaseLost, Reschedule
from meetings.services.pipeline.work import Cancelled, Work
from meetings.speech.engine_call import EngineCall
from meetings.speech.node import EngineFailed, Node

#: How often the watch thread checks whether the worker is stopping, and how often it checks the rows.
CHECK_INTERVAL_SECONDS = 0.25
ROWS_SECONDS = 1.0


@contextmanager
def watched(work: Work, node: Node) -> Iterator[EngineCall]:
    """Provide a supervised call. It is stopped within two seconds when the work is cancelled, its meeting is deleted,
    the job's lease is lost, the worker is stopping, or the node was silent for too long.
    """
    call = EngineCall()
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(work, node, call, over), name="watch", daemon=True)
    thread.start()
    try:
        yield call
    finally:
        over.set()
        thread.join()


def _watch(work: Work, node: Node, call: EngineCall, over: threading.Event) -> None:
    looks = 0
    try:
        while not over.wait(CHECK_INTERVAL_SECONDS) and not call.stopped:
            looks += 1
            if work.attempt and work.attempt.stopping:
                call.stop(Reschedule())
            elif _is_silent(node, call):
                node.give_up()
                call.stop(EngineFailed("The speech engine has hung."))
            elif looks % round(ROWS_SECONDS / CHECK_INTERVAL_SECONDS) == 0:
                _look_at_rows(work, call)
    except Exception as exc:
        # Without this thread a hanging call would never end.
        call.stop(exc)
    finally:
        connections.close_all()


def _is_silent(node: Node, call: EngineCall) -> bool:
    quiet = call.quiet_seconds
    if call.silent_seconds > settings.SPEECH_SILENCE_SECONDS / 4 and node.lives():
        call.record_sign_of_life()
    return bool(call.silent_seconds > settings.SPEECH_SILENCE_SECONDS or quiet > settings.SPEECH_BUSY_SECONDS)


def _look_at_rows(work: Work, call: EngineCall) -> None:
    try:
        with fresh_connections():
            if work.attempt and not work.attempt.is_ours:
                call.stop(LeaseLost())
            elif not work.is_wanted():
                call.stop(Cancelled())
    except Error:
        # The database is unavailable. The next commit will fail and report it.
        return
