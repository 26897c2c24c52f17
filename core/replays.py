"""Replays: how the answer that is kept for an idempotency key is given to a caller who sends the request again.

The caller may have lost a role, or what the answer shows may have been handed to others or deleted since. So the right
to see it is checked again, and the answer of a replay is never more than a read by the same caller would show.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Replay:
    """What an operation states of the answers that are kept for it.

    Attributes:
        subject: `(call, request, answer)` → the id of the user, task or meeting that the answer is about, with which it
            is forgotten (`core.idempotency.forget`); None if it shows nothing of any.
        show: `(call, request, answer)` → the kept answer as far as the caller may see it now; raises what a read of
            the same would raise.
    """

    subject: Callable[[Any, Any, Any], UUID | str | None]
    show: Callable[[Any, Any, Any], Any]


#: Of an answer that shows nothing of a user, a task or a meeting.
NOTHING_TO_HIDE = Replay(subject=lambda call, request, answer: None, show=lambda call, request, answer: answer)
