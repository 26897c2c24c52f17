"""Rules that the database enforces on meetings for writers that bypass the application, and meetings in the feed."""

import threading
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction

from changes.feed import subjects
from changes.models import Change
from meetings import services
from meetings.messages import meeting_message
from meetings.models import Meeting, Segment, SegmentEdit
from tandem.user.v1.user_pb2 import DeleteUserRequest
from tests.support.factories import (
    ActionItemFactory,
    AdministratorFactory,
    MeetingFactory,
    SegmentFactory,
    ServiceFactory,
    SpeakerFactory,
    SupportFactory,
    TranscribedMeetingFactory,
    TranscriptFactory,
    UserFactory,
)
from tests.support.servers import until
from tests.support.transports import Failed, Transport
from users.models import User


def test_owner_of_a_meeting_cannot_be_deleted(api: Transport, ann: User, administrator: User) -> None:
    meeting = MeetingFactory(owner=ann)
    for actor in (ann, administrator):
        with pytest.raises(Failed) as failed:
            api("UserService/DeleteUser", DeleteUserRequest(user_id=str(ann.pk)), actor=actor)
        assert failed.value.reason == "CONFLICT"
        assert failed.value.message == Meeting.kept_by["meetings_owner_user"]
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM users_user WHERE id = %s", [ann.pk])
    meeting.delete()
    api("UserService/DeleteUser", DeleteUserRequest(user_id=str(ann.pk)), actor=ann)
    assert not User.objects.filter(pk=ann.pk).exists()


def test_deleted_participant_is_removed(api: Transport, ann: User, bob: User, administrator: User) -> None:
    meeting = MeetingFactory(owner=ann, participants=[bob.pk, administrator.pk])
    other = MeetingFactory(owner=ann)
    api("UserService/DeleteUser", DeleteUserRequest(user_id=str(bob.pk)), actor=administrator)
    meeting.refresh_from_db()
    other.refresh_from_db()
    assert (meeting.participants, meeting.version, other.version) == ([administrator.pk], 2, 1)
    assert Change.objects.filter(subject_id=meeting.pk).latest("id").actor == str(administrator.pk)


def test_participants_must_exist_for_every_writer(db: None, ann: User, bob: User) -> None:
    meeting = MeetingFactory(owner=ann, participants=[bob.pk, uuid4(), ann.pk])
    meeting.refresh_from_db()
    assert meeting.participants == [bob.pk, ann.pk]


def in_thread(run: Callable[[], object]) -> threading.Thread:
    def with_own_connection() -> None:
        try:
            run()
        finally:
            connection.close()

    thread = threading.Thread(target=with_own_connection)
    thread.start()
    return thread


def waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_participant_added_while_being_deleted_is_removed(transactional_db: None) -> None:
    ann, bob = UserFactory(), UserFactory()
    bob_id, meeting = bob.pk, MeetingFactory(owner=ann)
    with transaction.atomic():
        bob.delete()
        adding = in_thread(lambda: Meeting.objects.filter(pk=meeting.pk).update(participants=[bob_id]))
        until(waiting, "the other waits for the deletion")
    adding.join()
    meeting.refresh_from_db()
    assert meeting.participants == []


def test_visibility_of_meetings_in_the_feed_equals_that_of_other_operations(db: None) -> None:
    people = [UserFactory(), UserFactory(), SupportFactory(), AdministratorFactory(), ServiceFactory()]
    meetings = [MeetingFactory(owner=one, participants=[other.pk]) for one in people for other in people]
    subject = subjects.of("meeting")
    images = {row.pk: row.image for row in subject.images(Meeting.objects.all())}
    for actor in [*people, AnonymousUser()]:
        visible = set(Meeting.objects.visible_to(actor).values_list("pk", flat=True))
        for meeting in meetings:
            extent = subjects.extent(subject.audience(images[meeting.pk]), subject.groups(actor))
            assert bool(extent) == (meeting.pk in visible)
            if extent:
                shown = subject.message(subject.row(images[meeting.pk]), extent)
                assert shown == meeting_message(Meeting.objects.get(pk=meeting.pk))


def test_names_remain_when_the_user_is_deleted(api: Transport, administrator: User) -> None:
    carl, meeting = UserFactory(), TranscribedMeetingFactory()
    carl_id = str(carl.pk)
    segment = SegmentFactory(meeting=meeting, edited_by=carl)
    edit = SegmentEdit.objects.create(segment=segment, text="as Carl says", edited_by=carl)
    speaker = SpeakerFactory(meeting=meeting, name="Carl the Great", user=carl)
    item = ActionItemFactory(meeting=meeting, owner_name="carl", assigned_to=carl, decided_by=carl)
    transcript = TranscriptFactory(meeting=meeting, version=2, requested_by=carl)
    api("UserService/DeleteUser", DeleteUserRequest(user_id=carl_id), actor=administrator)
    for row in (segment, edit, speaker, item, transcript):
        row.refresh_from_db()
    assert (segment.edited_by, edit.edited_by, edit.text) == (None, None, "as Carl says")
    assert (speaker.name, speaker.user) == ("Carl the Great", None)
    assert (item.owner_name, item.assigned_to, item.decided_by) == ("carl", None, None)
    assert transcript.requested_by is None
    for part in (segment, speaker, item):
        assert Change.objects.filter(subject_id=part.pk).latest("id").actor == str(administrator.pk)


def test_parts_added_during_a_deletion_are_forgotten(transactional_db: None) -> None:
    ann = UserFactory()
    meeting = TranscribedMeetingFactory(owner=ann)
    with transaction.atomic():
        segment_id = SegmentFactory(meeting=meeting, recognized_text="not for long").pk
        deleting = in_thread(lambda: services.delete_meeting(ann, str(meeting.pk)))
        until(waiting, "the deletion waits for the segment")
    deleting.join()
    assert not Segment.objects.exists()
    changes = Change.objects.filter(subject_id=segment_id).order_by("id")
    assert [(change.operation, change.old, change.new) for change in changes] == [
        ("created", None, None),
        ("deleted", None, None),
    ]
