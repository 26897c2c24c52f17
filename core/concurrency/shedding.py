"""Shedding of load: which calls may wait for a thread of a busy pool, and which are refused at once."""

from collections.abc import Mapping

from core.concurrency.statements import WAITING_THREADS

#: How long a call may have to wait in a burst, and how many calls may wait however long it takes: as many as a page, or
#: two dozen clients that return at once, make together.
_BURST_WAIT_SECONDS = 0.3
MAX_WAITING_IN_BURST = 24
#: A burst that lasts for longer than this is an overload, in which calls may have to wait for so long; or so many may
#: wait or compute however long it takes: sixteen clients that call one after the other are served on a slow machine.
_BURST_SECONDS = 0.5
_OVERLOAD_WAIT_SECONDS = 0.15
MAX_CALLS_IN_OVERLOAD = 20
#: A longer time in which no call begins is a pause, such as one of the database.
_PAUSE_SECONDS = 0.5
#: A burst is over when calls wait for less than this on average.
_SHORT_WAIT_SECONDS = 0.05
#: How many of the last calls count for averages, roughly.
_AVERAGED = 16
#: While calls wait, so many are at work that have begun within so many seconds and do not wait for a long statement.
#: More would only delay each other, and the thread that accepts and refuses calls. Those that are older may be waiting
#: for something else than the database; those whose statement is short, for the interpreter.
_AT_WORK = 3
_YOUNG_SECONDS = 0.25
_STATEMENT_SECONDS = 0.01
#: How soon a free thread looks again whether a call may begin that might not.
AGAIN_SECONDS = 0.05


class Shedding:
    """Decides whether one more call may wait, by how fast the calls before it begin.

    A burst may wait. When calls have waited for some time, few may, so that those which are admitted are served soon,
    while the others are refused at once. All times are those of `time.monotonic`; the caller holds the pool's lock.
    """

    def __init__(self) -> None:
        #: Averages of the time between two calls that begin while others wait, and of how long they have waited.
        self._interval = self._wait = 0.0
        #: When a call began last, or began to wait after a pause; and the last time at which waits were short.
        self._moved_at = self._relaxed_at = 0.0

    def note_first(self, now: float) -> None:
        """Record that a call begins to wait, and no other waits."""
        self._wait = 0.0
        self._moved_at = self._relaxed_at = now

    def note_begun(self, now: float, waited: float) -> None:
        """Record that a call begins that has waited for so long."""
        gap, self._moved_at = now - self._moved_at, now
        # The average is kept while no call waits, so that the first calls of a burst are not taken for fast ones.
        self._interval += (min(gap, _PAUSE_SECONDS) - self._interval) / _AVERAGED
        self._wait += (waited - self._wait) / _AVERAGED
        # After a pause, all that waited since is a burst.
        if self._wait < _SHORT_WAIT_SECONDS or gap > _PAUSE_SECONDS:
            self._relaxed_at = now

    @property
    def _is_overload(self) -> bool:
        return self._moved_at - self._relaxed_at > _BURST_SECONDS

    def may_begin(self, now: float, begun_at: Mapping[int, float]) -> bool:
        """Return whether one more call may begin.

        Args:
            begun_at: when the calls at work have begun, by the thread of each (`threading.get_ident`).
        """
        return self._moved_at - self._relaxed_at < 2 * _SHORT_WAIT_SECONDS or _computing(now, begun_at) < _AT_WORK

    def may_wait(self, now: float, own: int, others: int, count: int, begun_at: Mapping[int, float]) -> bool:
        """Return whether one more call may wait.

        Args:
            own: how many calls of the same caller wait.
            others: how many other callers have waiting calls.
            count: how many calls wait.
            begun_at: see `may_begin`.
        """
        if self._is_overload:
            # Callers take turns and keep calling: of each, as many calls may begin before this one as of its own.
            ahead, wait = own + (own + 1) * others, _OVERLOAD_WAIT_SECONDS
            most = MAX_CALLS_IN_OVERLOAD - _computing(now, begun_at)
        else:
            ahead, wait, most = count if own else others, _BURST_WAIT_SECONDS, MAX_WAITING_IN_BURST
        return ahead < most or max(ahead * self._interval, now - self._moved_at) < wait


def _computing(now: float, begun_at: Mapping[int, float]) -> int:
    """Return how many calls at work compute: see `_AT_WORK`."""
    return sum(
        now - at < _YOUNG_SECONDS and now - WAITING_THREADS.get(thread, now) < _STATEMENT_SECONDS
        for thread, at in begun_at.items()
    )
