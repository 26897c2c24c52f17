"""Write operations on meetings."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError

from changes.services import acting, forget
from changes.triggers import subject_type_of
from core import idempotency
from core.actors import Actor
from core.db.saving import clean, save_clean
from core.preconditions import ANY_VERSION, ExpectedVersion
from meetings import policies, queries
from meetings.fields import validate_participants
from meetings.models import ActionItem, Meeting, Segment, Speaker, Summary
from meetings.models.parts import MeetingChild
from meetings.services.files import RECORDINGS
from projects.queries import role_of
from projects.services import project_for, require_not_archived
from users.models import OPEN_ACCOUNT_STATUSES, User
from users.queries import find_ids_by_email, resolve_id

#: The models of what belongs to a transcript.
PARTS: tuple[type[MeetingChild], ...] = (Segment, Speaker, Summary, ActionItem)


def create_meeting(actor: Actor, fields: Mapping[str, Any]) -> Meeting:
    """Create a meeting without a recording.

    Args:
        fields: of `Meeting`, but `participants`, `owner` and `project_id` as the client wrote them: users' ids, or
            `me`, and for `participants` also e-mails; a project's id, or empty = no project. The default of `owner` is
            the actor.

    Raises:
        ValidationError: every bad field is named.
        PermissionDenied: only administrators may name another owner; see `projects.services.project_for`, too.
        Conflict: the project is archived.
    """
    with acting(actor):
        meeting = Meeting(owner_id=actor.pk)
        changes, errors = _resolved(actor, fields, meeting)
        if changes.get("owner_id", actor.pk) != actor.pk and not policies.may_give_away(actor):
            raise PermissionDenied("Only an administrator may create a meeting for another owner.")
        for name, value in changes.items():
            setattr(meeting, name, value)
        return save_clean(meeting, extra_errors=errors)


def update_meeting(
    actor: Actor, meeting_id: str, fields: Mapping[str, Any], *, expected_version: ExpectedVersion = ANY_VERSION
) -> Meeting:
    """Set these fields of a meeting; all others keep their values.

    A participant may remove themselves, and change nothing else.

    Args:
        fields: as for `create_meeting`.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Stale, ValidationError
        Conflict: the meeting's project, or the one that it is put into, is archived.
    """
    with acting(actor):
        meeting = meeting_to_change(actor, meeting_id, expected_version, leaving_by=fields)
        if resolve_id(actor, fields.get("owner", "")) != meeting.owner_id and "owner" in fields:
            _check_may_delete(actor, meeting, "give it to another owner")
        return set_fields(actor, meeting, fields)


def set_fields(actor: Actor, meeting: Meeting, fields: Mapping[str, Any]) -> Meeting:
    """Set these fields of a meeting that the actor may change, and whose row the caller's transaction has locked."""
    changes, errors = _resolved(actor, fields, meeting)
    return save_clean(meeting, extra_errors=errors, **changes)


def check_fields(actor: Actor, meeting: Meeting, fields: Mapping[str, Any]) -> None:
    """Check fields that a later write will set, on a meeting that is not saved afterwards.

    Raises:
        ValidationError: every bad field is named.
    """
    changes, errors = _resolved(actor, fields, meeting)
    for name, value in changes.items():
        setattr(meeting, name, value)
    clean(meeting, only=changes, extra_errors=errors)


def delete_meeting(actor: Actor, meeting_id: str, *, expected_version: ExpectedVersion = ANY_VERSION) -> None:
    """Delete the meeting for good, with its recording, transcripts and findings. The change log keeps the meeting's
    fields, and forgets the contents of its transcripts.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Stale
        Conflict: its project is archived.
    """
    with acting(actor):
        meeting = meeting_to_change(actor, meeting_id, expected_version, to_delete=True)
        _check_may_delete(actor, meeting, "delete it")
        _delete(meeting)


def _check_may_delete(actor: Actor, meeting: Meeting, what: str) -> None:
    if not policies.may_delete(actor, meeting, role_of(actor, meeting.project_id)):
        raise PermissionDenied(f"Only the owner of a meeting, managers of its project and administrators may {what}.")


def delete_untouched(meeting_id: UUID) -> None:
    """Delete the meeting if it is as it was created, in the caller's transaction."""
    untouched = Meeting.objects.defer("search_words").select_for_update().filter(pk=meeting_id, version=1).first()
    if untouched:
        _delete(untouched)


def _delete(meeting: Meeting) -> None:
    if recording := meeting.recording:
        RECORDINGS.delete_on_commit(recording)
    delete_parts(meeting)
    meeting.delete()


def delete_parts(meeting: Meeting) -> None:
    """Delete all versions of the meeting's transcript with what was found in them, in the caller's transaction. The
    change log forgets their contents, and stored answers about the meeting are erased.
    """
    for model in PARTS:
        part_ids = list(model.objects.filter(meeting=meeting.pk).values_list("pk", flat=True))
        model.objects.filter(meeting=meeting.pk).delete()
        forget(str(subject_type_of(model)), *part_ids)
    idempotency.forget(meeting.pk)


def meeting_to_change(
    actor: Actor,
    meeting_id: str,
    expected_version: ExpectedVersion = ANY_VERSION,
    *,
    to_delete: bool = False,
    leaving_by: Mapping[str, Any] | None = None,
) -> Meeting:
    """Return the meeting with its row locked, if the actor may change it.

    Args:
        to_delete: lock the row against new references, too.
        leaving_by: the fields to be changed, as for `create_meeting`. A participant may change them in order to leave.

    Raises:
        Meeting.DoesNotExist, PermissionDenied, Stale
        Conflict: its project is archived.
    """
    meeting = queries.get_meeting_for_update(actor, meeting_id, to_delete=to_delete)
    role = role_of(actor, meeting.project_id)
    if not (policies.may_change(actor, meeting, role) or _is_leaving(actor, meeting, leaving_by or {})):
        raise PermissionDenied("Only the owner of a meeting, editors of its project and administrators may change it.")
    require_not_archived(meeting.project_id)
    meeting.require_version(expected_version)
    return meeting


def _is_leaving(actor: Actor, meeting: Meeting, fields: Mapping[str, Any]) -> bool:
    """Return whether a participant removes themselves and changes nothing else."""
    if actor.pk not in meeting.participants or set(fields) != {"participants"}:
        return False
    left = [resolve_id(actor, text) for text in fields["participants"]]
    return left == [user_id for user_id in meeting.participants if user_id != actor.pk]


def _resolved(
    actor: Actor, fields: Mapping[str, Any], meeting: Meeting
) -> tuple[dict[str, Any], dict[str, ValidationError]]:
    """Return the fields with users' references resolved, and the errors of the references by field."""
    changes: dict[str, Any] = dict(fields)
    errors: dict[str, ValidationError] = {}
    project_id = changes.pop("project_id", None)
    if project_id is not None and project_id != str(meeting.project_id or ""):
        try:
            changes["project_id"] = project_for(actor, project_id).pk if project_id else None
        except ValidationError as exc:
            errors["project_id"] = ValidationError(exc.error_dict["project_id"])
    if (owner := changes.pop("owner", None)) is not None:
        owners, wrong = known_users(actor, [owner], {meeting.owner_id})
        if wrong:
            errors["owner"] = wrong[0]
        else:
            changes["owner_id"] = owners[0]
    if (participants := changes.pop("participants", None)) is not None:
        try:
            validate_participants(participants)
        except ValidationError as exc:
            # An excessive number of users is not looked up.
            return changes, errors | {"participants": exc}
        emails = find_ids_by_email(actor, {text for text in participants if "@" in text})
        by_id = [str(emails.get(text, text)) for text in participants]
        changes["participants"], wrong = known_users(actor, by_id, meeting.participants)
        errors |= {f"participants.{place}": error for place, error in wrong.items()}
    return changes, errors


def known_users(
    actor: Actor, references: Sequence[str], already: Collection[UUID]
) -> tuple[list[UUID], dict[int, ValidationError]]:
    """Resolve references to users who have open accounts or are in `already`. Return ids, and errors by index."""
    user_ids = [resolve_id(actor, text) if text else None for text in references]
    unchecked = {user_id for user_id in user_ids if user_id} - set(already)
    known = set(already).union(
        User.objects.filter(pk__in=unchecked, status__in=OPEN_ACCOUNT_STATUSES).values_list("pk", flat=True)
    )
    wrong = {
        place: ValidationError("There is no such user, or the account is closed.", code="unknown")
        for place, user_id in enumerate(user_ids)
        if user_id not in known
    }
    return [user_id for user_id in user_ids if user_id in known], wrong
