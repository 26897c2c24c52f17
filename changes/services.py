"""Who writes, for the change log; and what the log forgets."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.db.models import Case, TextField, Value, When

from changes import feed
from changes.models import Change, Operation
from core.auth import System
from core.context import request_id
from core.db.transactions import right_inside_whole

_SET = """
    SELECT set_config('tandem.actor', %s, true),
           set_config('tandem.reason', %s, true),
           set_config('tandem.request_id', %s, true)
"""
# A subquery is evaluated before the list around it, and OFFSET 0 keeps it one; within a list no order is promised.
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
def acting(actor: AbstractBaseUser | AnonymousUser | System | str, reason: str = "") -> Iterator[None]:
    """A transaction whose changes the log records as this actor's.

    Inside another transaction it is a savepoint, and when it ends the log goes on with the actor and the reason from
    before: a second statement, which the outermost one, whose end is the commit, does without. So does one right
    inside the transaction of an idempotency key (`Whole`), which needs no savepoint either. Reasons are not inherited:
    an inner `acting` without one has none.

    Args:
        actor: a user, AnonymousUser, or a part of the system, also by its name alone, such as `retention`.
        reason: in the actor's words, for those who read the log.
    """
    told = (_name_of(actor), reason, request_id.get())
    connection = transaction.get_connection()
    inner = connection.in_atomic_block and not right_inside_whole(connection)
    with transaction.atomic(savepoint=inner), connection.cursor() as cursor:
        cursor.execute(_EXCHANGE if inner else _SET, told)
        before = cursor.fetchone()
        transaction.on_commit(feed.notify_sequencer)
        yield
        # A rollback to the savepoint brings the former values back by itself.
        if inner and not connection.needs_rollback:
            cursor.execute(_SET, before[:3])


def forget(subject_type: str, *subject_ids: uuid.UUID | str) -> int:
    """Empties the images in all changes of these subjects, so that the log keeps only their ids; gives how many.

    For a service that deletes subjects for good: call it in the same transaction, after the deletion, whose own changes
    are then emptied too. Reasons go with the images, as they may speak of the subject; that of the deletion stays.
    """
    changes = Change.objects.filter(subject_type=subject_type, subject_id__in=subject_ids)
    reason = Case(When(operation=Operation.DELETED, then="reason"), default=Value("", TextField()))
    return changes.update(old=None, new=None, reason=reason)


def _name_of(actor: AbstractBaseUser | AnonymousUser | System | str) -> str:
    if isinstance(actor, str):
        return actor
    return str(actor.pk) if actor.is_authenticated else "anonymous"
