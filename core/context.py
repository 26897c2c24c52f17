"""What holds for the call that is being served, for log lines, the change log and steps that are better not begun."""

import random
import re
import time
from contextvars import ContextVar

from core.errors import DeadlineExceeded

#: The id of the call that this thread or task serves; empty outside a call.
request_id: ContextVar[str] = ContextVar("request_id", default="")
#: When the call must have been answered, on the clock of `time.monotonic`; None = no limit.
deadline: ContextVar[float | None] = ContextVar("deadline", default=None)

#: The caller of the call that this thread or task serves, as far as it was known when the call came (see
#: `core.auth.presumed_caller`): by it calls take turns where they wait for something that all share.
caller_key: ContextVar[str] = ContextVar("caller_key", default="")

_SANE = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def valid_request_id(sent: str | None) -> str:
    """The client's own id if it is a sane one, else a new one."""
    # Unique is enough here, nobody must be unable to guess it; UUIDs ask the kernel each time (4.4 µs against 0.7).
    return sent if sent and _SANE.fullmatch(sent) else f"{random.getrandbits(128):032x}"


def check_deadline() -> None:
    """To be called before each expensive step: nothing stops a call that runs, and nobody waits for a late answer.

    Raises:
        DeadlineExceeded: the call should have been answered by now.
    """
    until = deadline.get()
    if until is not None and time.monotonic() >= until:
        raise DeadlineExceeded("The deadline of this call has passed.")
