"""Attribution of writes in the change log, and removal of a subject's data from it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import Case, TextField, Value, When

from changes import feed
from changes.models import Change, Operation
from core.actors import Actor
from core.context import request_id
from core.db.transactions import inner_block
from core.observability.traces import traceparent

_SET = """
    SELECT set_config('tandem.actor', %s, true),
           set_config('tandem.reason', %s, true),
           set_config('tandem.request_id', %s, true)
"""
# PostgreSQL promises no order within a select list, so the former values are read in a subquery, which is evaluated
# first. OFFSET 0 keeps the planner from merging it into the list.
_EXCHANGE = """
    SELECT coalesce(before.actor, ''), coalesce(before.reason, ''), coalesce(before.request_id, ''),
           set_config('tandem.actor', %s, true),
           set_config('tandem.reason', %s, true),
           set_config('tandem.request_id', %s, true)
    FROM (SELECT current_setting('tandem.actor', true) AS actor,
                 current_setting('tandem.reason', true) AS reason,
                 current_setting('tandem.request_id', true) AS request_id
          OFFSET 0) AS before
"""


@contextmanager
def acting(actor: Actor | str, reason: str = "") -> Iterator[None]:
    """Open a transaction whose changes are logged with this actor and reason.

    Inside another transaction it opens a savepoint, and restores the actor and reason of that transaction at its end.
    The exception is `single_write` (the transaction of an idempotency key), directly inside which there is no savepoint
    and nothing to restore. An inner `acting` does not inherit the reason of the outer one.

    Args:
        actor: a user, AnonymousUser, or a part of the system, also by name, such as `retention`.
        reason: text of the actor for readers of the log.
    """
    values = (_name_of(actor), reason, request_id.get())
    with inner_block() as is_savepoint, connection.cursor() as cursor:
        cursor.execute(_EXCHANGE if is_savepoint else _SET, values)
        before = cursor.fetchone()
        if span := traceparent():
            cursor.execute("SELECT set_config('tandem.traceparent', %s, true)", [span])
        transaction.on_commit(feed.notify_sequencer)
        yield
        # A rollback to the savepoint restores the former values by itself.
        if is_savepoint and not transaction.get_rollback():
            cursor.execute(_SET, before[:3])


def forget(subject_type: str, *subject_ids: uuid.UUID | str) -> int:
    """Remove the row images from all changes of these subjects, and return the number of changes.

    A service that deletes subjects permanently calls it in the same transaction, after the deletion, so that the
    changes of the deletion are emptied too. Reasons are removed as well, because they may describe the subject; only
    the reason of the deletion stays.
    """
    changes = Change.objects.filter(subject_type=subject_type, subject_id__in=subject_ids)
    reason = Case(When(operation=Operation.DELETED, then="reason"), default=Value("", TextField()))
    return changes.update(old=None, new=None, reason=reason)


def _name_of(actor: Actor | str) -> str:
    if isinstance(actor, str):
        return actor
    return str(actor.pk) if actor.is_authenticated else "anonymous"
