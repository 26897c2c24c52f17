"""The feed: the change log, numbered after the commit and read live.

    write ──triggers──> changes_change (seq NULL)        by every writer, in its own transaction
          ──sequencer─> seq 1, 2, 3 …                    `numbering`: one in the whole system, after the commit
          ──tailer────> ring and index of one process    `tailer`, `hub`: each serving process
          ──watch─────> one client's stream              `watching`: filtered, joined to the past by `log`, `snapshot`

Every server and worker process calls `start()` after its last fork, and `stop()` when its streams have ended. Each app
registers in `subjects` what streams show of its subjects, and to which callers.
"""

from changes.feed import metrics
from changes.feed.backlog import backlog
from changes.feed.hub import Hub
from changes.feed.numberer import Sequencer
from changes.feed.tailer import Tailer

#: This process's live end of the log.
live = Hub()
sequencer = Sequencer()
_tailer = Tailer(live)
metrics.is_leader.set_function(lambda: sequencer.is_leader)
metrics.position.set_function(lambda: live.known_head.seq if live.known_head else 0)


def start(*, streams: bool = True) -> None:
    """Start this process's threads: a sequencer, which numbers changes while it leads, and a tailer. Idempotent.

    Args:
        streams: False in processes without streams, which need no tailer.
    """
    sequencer.start()
    if streams:
        _tailer.start()


def stop() -> None:
    """Stop the threads and close their connections. Streams can no longer be opened or continue. Idempotent."""
    _tailer.stop()
    live.known_head = None
    backlog.forget()
    sequencer.stop()


def keeps_up() -> bool:
    """Return whether changes get their numbers in time, as far as this process has seen."""
    return not backlog.is_late


def notify_sequencer() -> None:
    """Wake the sequencer because this process has committed changes.

    It is cheap and never fails. Without it, changes are still numbered, but later.
    """
    sequencer.wake()
