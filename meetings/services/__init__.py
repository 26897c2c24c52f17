"""Writing meetings: what an actor may do to them."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from changes.services import acting, forget
from changes.triggers import subject_type_of
from core import idempotency
from core.models import Row, save_clean
from core.preconditions import ANY_VERSION, ExpectedVersion
from meetings import policies, queries
from meetings.fields import are_participants
from meetings.models import ActionItem, Meeting, Segment, Speaker, Summary
from meetings.models.parts import MeetingChild
from meetings.services.files import storage
from users.models import OPEN, User
from users.queries import resolve_id


def create_meeting(actor: Any, fields: Mapping[str, Any]) -> Meeting:
    """A new meeting without a recording.

    Args:
        fields: of `Meeting`, but `participants` and `owner` as the client wrote them: users' ids, or `me`. Without
            `owner` it is the actor's.

    Raises:
        ValidationError: every bad field is named.
        PermissionDenied: who is no administrator names another owner.
    """
    with acting(actor):
        meeting = Meeting(owner=actor)
        changes, errors = _resolved(actor, fields, meeting)
        if changes.get("owner_id", actor.pk) != actor.pk and not policies.may_give_away(actor):
            raise PermissionDenied("Only an administrator may make a meeting that is another's.")
        for name, value in changes.items():
            setattr(meeting, name, value)
        return saved(meeting, {}, errors)


def update_meeting(
    actor: Any, meeting_id: str, fields: Mapping[str, Any], *, expected_version: ExpectedVersion = ANY_VERSION
) -> Meeting:
    """Sets these fields of `Meeting`; one that is not here stays as it is.

    A participant may take themselves out, and change nothing else.

    Args:
        fields: as for `create_meeting`.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Stale, ValidationError
    """
    with acting(actor):
        meeting = meeting_to_change(actor, meeting_id, expected_version, leaving_by=fields)
        changes, errors = _resolved(actor, fields, meeting)
        return saved(meeting, changes, errors)


def delete_meeting(actor: Any, meeting_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> None:
    """Deletes the meeting for good, with its recording and what was made of it. The change log keeps what the meeting
    was, and forgets what was said in it.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Stale
    """
    with acting(actor):
        meeting = meeting_to_change(actor, meeting_id, expected_version, to_delete=True)
        if recording := meeting.recording:
            transaction.on_commit(partial(storage().delete, recording))
        pk = meeting.pk
        told_of = [(model, _ids(model, meeting)) for model in (Segment, Speaker, Summary, ActionItem)]
        meeting.delete()
        for model, ids in told_of:
            forget(str(subject_type_of(model)), *ids)
        idempotency.forget(pk)


def meeting_to_change(
    actor: Any,
    meeting_id: str,
    expected_version: ExpectedVersion = ANY_VERSION,
    *,
    to_delete: bool = False,
    leaving_by: Mapping[str, Any] | None = None,
) -> Meeting:
    """The meeting, for who may change it, with its row locked.

    Args:
        to_delete: locked so that nobody adds to it either.
        leaving_by: what is to be changed, as for `create_meeting`, where a participant may do so to leave.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Stale
    """
    meeting = queries.get_meeting_for_update(actor, meeting_id, to_delete=to_delete)
    if not (policies.may_change(actor, meeting) or _is_leaving(actor, meeting, leaving_by or {})):
        raise PermissionDenied("Only its owner and administrators may change a meeting.")
    expected_version.check(meeting.version)
    return meeting


def _is_leaving(actor: Any, meeting: Meeting, fields: Mapping[str, Any]) -> bool:
    """Whether a participant takes themselves out, and nothing else changes."""
    if actor.pk not in meeting.participants or set(fields) != {"participants"}:
        return False
    left = [resolve_id(actor, text) for text in fields["participants"]]
    return left == [user_id for user_id in meeting.participants if user_id != actor.pk]


def _ids(model: type[MeetingChild], meeting: Meeting) -> list[UUID]:
    """Of what belongs to the meeting, whichever version."""
    return list(model.objects.filter(meeting=meeting.pk).values_list("pk", flat=True))


def _resolved(
    actor: Any, fields: Mapping[str, Any], meeting: Meeting
) -> tuple[dict[str, Any], dict[str, ValidationError]]:
    """The fields with the users that the texts stand for, and what is wrong with these texts."""
    changes, errors = dict(fields), {}
    if (sent := changes.pop("owner", None)) is not None:
        owners, wrong = known_users(actor, [sent], {meeting.owner_id})
        if wrong:
            errors["owner"] = wrong[0]
        else:
            changes["owner_id"] = owners[0]
    if (several := changes.pop("participants", None)) is not None:
        try:
            are_participants(several)
        except ValidationError as exc:
            # Before so many are looked up.
            return changes, errors | {"participants": exc}
        changes["participants"], wrong = known_users(actor, several, meeting.participants)
        errors |= {f"participants.{place}": error for place, error in wrong.items()}
    return changes, errors


def known_users(
    actor: Any, sent: Sequence[str], already: Collection[UUID]
) -> tuple[list[UUID], dict[int, ValidationError]]:
    """Whom these texts stand for: users whose accounts are open, or who are it already; and which stand for nobody."""
    meant = [resolve_id(actor, text) if text else None for text in sent]
    asked = {user_id for user_id in meant if user_id} - set(already)
    known = set(already).union(User.objects.filter(pk__in=asked, status__in=OPEN).values_list("pk", flat=True))
    wrong = {
        place: ValidationError("There is no such user, or the account is closed.", code="unknown")
        for place, user_id in enumerate(meant)
        if user_id not in known
    }
    return [user_id for user_id in meant if user_id in known], wrong


def saved(
    row: Row,
    changes: Mapping[str, Any],
    errors: Mapping[str, ValidationError],
    *,
    also: Mapping[str, Any] | None = None,
) -> Row:
    """Saves it (see `save_clean`), unless something is wrong: then all that is."""
    found: dict[str, Any] = {name: [error] for name, error in errors.items()}
    try:
        row = save_clean(row, also=also, **changes)
    except ValidationError as exc:
        found = exc.update_error_dict(found)
    if found:
        raise ValidationError(found)
    return row
