"""Replays: the answers to callers that send a request with an idempotency key again.

The caller may have lost a role since, or the object may have been deleted or assigned to others. So the permission to
see it is checked again, and a replay never shows more than a read by the same caller would.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Replay:
    """An operation's declaration of how its kept answers are replayed.

    Attributes:
        subject: `(call, request, answer)` → the id of the object that the answer shows; None if it shows none. When
            the object is deleted, the answer is erased (`core.idempotency.forget`).
        show: `(call, request, answer)` → the kept answer as far as the caller may see it now; raises the same errors as
            a read of the object.
    """

    subject: Callable[[Any, Any, Any], UUID | str | None]
    show: Callable[[Any, Any, Any], Any]


#: For answers that show nothing of a user, a task or a meeting.
NOTHING_TO_HIDE = Replay(subject=lambda call, request, answer: None, show=lambda call, request, answer: answer)
