"""Callers, and the outcomes of their calls: the columns of the table of `tests/contract/test_access.py`."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from tests.support.transports import OPERATIONS, Failed, Transport
from users.models import User

Request = Callable[[User], Any]
Row = tuple[Request, tuple[str, ...]]

#: The callers, in the order of the columns. `self` is the user that the call is about.
#: A service account calls by an API key, which has all scopes of what is called, another area's, or all scopes but
#: that for what changes how one gets in to an account.
CALLERS = (
    "anonymous", "stranger", "self", "support", "administrator", "service with scope", "service without scope",
    "service without credentials",
)  # fmt: skip

OK, NO, WHO, NONE = "OK", "FORBIDDEN", "UNAUTHENTICATED", "NOT_FOUND"
ANYONE = (OK, OK, OK, OK, OK, OK, OK, OK)
SIGNED_IN = (WHO, OK, OK, OK, OK, OK, NO, OK)
SELF_AND_ADMINISTRATORS = (WHO, NO, OK, NO, OK, OK, NO, OK)
#: What changes how one gets in to an account.
ADMINISTRATORS = (WHO, NO, NO, NO, OK, OK, NO, NO)
CLOSING = (WHO, NO, OK, NO, OK, OK, NO, NO)
PASSWORD_OF = (WHO, NONE, OK, NO, OK, OK, NO, NO)
#: What of another is as if it were not there.
PRIVATE = (WHO, NONE, OK, NO, OK, OK, NO, OK)
READ_PRIVATE = (WHO, NONE, OK, OK, OK, OK, NO, OK)
#: Another's task, which not even support sees.
OWN_TASK = (WHO, NONE, OK, NONE, OK, OK, NO, OK)
#: A meeting that the caller of column `self` owns.
OWN_MEETING = OWN_TASK
#: A project that the caller of column `self` manages.
OWN_PROJECT = OWN_TASK
#: What is about the caller's own sessions and keys, and so not for keys.
WITH_A_SESSION = (WHO, OK, OK, OK, OK, NO, NO, NO)
#: What changes these.
MAKING_KEYS = (WHO, OK, OK, OK, OK, OK, NO, NO)
#: The same, about a session or a key that is another's for all but `self`.
OWN_SESSION = (WHO, NONE, OK, NONE, NONE, NONE, NO, NO)
OWN_KEY = (WHO, NONE, OK, NONE, OK, OK, NO, NO)


def cases(table: Iterable[str]) -> Iterator[Any]:
    """Yield each operation with its callers; a feed with each of them, because its failure ends the connection."""
    for operation in table:
        if OPERATIONS[operation].is_feed:
            yield from (pytest.param(operation, [caller], id=f"{operation}-{caller}") for caller in CALLERS)
        else:
            yield pytest.param(operation, CALLERS, id=operation)


def outcome(api: Transport, operation: str, request: Any, authorization: str | None) -> str:
    """Make the call, and return the reason of its failure, or OK."""
    try:
        api(operation, request, authorization=authorization)
    except Failed as failed:
        return failed.reason
    return OK
