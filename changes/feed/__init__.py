"""The feed: the log, numbered after commit and read live.

    written ──triggers──> changes_change (seq NULL)        by every writer, in its own transaction
            ──numberer──> seq 1, 2, 3 …                    `numbering`: one in the whole system, after the commit
            ──tailer────> ring and index of one process    `tailer`, `hub`: each process that serves
            ──watch─────> one client's stream              `watching`: filtered, joined to the past by `log`, `snapshot`

Every process that serves or works calls `start()` once it has forked for the last time, and `stop()` when its streams
have ended. What streams show of a subject, and to whom, each app registers in `subjects`.
"""

from changes.feed.backlog import backlog
from changes.feed.hub import Hub
from changes.feed.numberer import Sequencer
from changes.feed.tailer import Tailer

#: This process's live end of the log.
live = Hub()
_numberer = Sequencer()
_tailer = Tailer(live)


def start(*, streams: bool = True) -> None:
    """Starts this process's threads: one that numbers if no other process does, one that reads. Idempotent.

    Args:
        streams: False where nobody watches: then nothing is read.
    """
    _numberer.start()
    if streams:
        _tailer.start()


def stop() -> None:
    """Ends them and closes their connections; no stream can be opened any more, or go on. Idempotent."""
    _tailer.stop()
    live.known_head = None
    backlog.forget()
    _numberer.stop()


def keeps_up() -> bool:
    """Whether changes get their numbers in time, as far as this process has seen."""
    return not backlog.is_late


def notify_sequencer() -> None:
    """Says that this process has just committed changes. Cheap, never fails, and nothing depends on it but time."""
    _numberer.ring()
