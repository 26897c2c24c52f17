"""Retention: what is due is deleted everywhere, and a command proves it."""

import os
from datetime import UTC, timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from changes.models import Change
from core.models import IdempotencyRecord
from meetings.messages import meeting_message
from meetings.models import ActionItem, Meeting, RetentionPolicy, Segment, SegmentEdit, Speaker, Status, Summary
from meetings.services import processing, retention
from meetings.services.files import storage
from meetings.services.recordings import UploadMetadata, upload_recording
from projects.models import Project
from tandem.meeting.v1.meeting_pb2 import EditSegmentRequest, RetranscribeRequest
from tandem.meeting.v1.meeting_pb2 import Segment as SegmentMessage
from tests.support.factories import (
    ActionItemFactory,
    MeetingFactory,
    ProjectFactory,
    SegmentFactory,
    SpeakerFactory,
    SummaryFactory,
    TranscribedMeetingFactory,
    UserFactory,
)
from tests.support.recordings import a_recording, stored
from tests.support.rest_transport import RestTransport
from tests.support.transports import Failed
from users.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("folder")]


@pytest.fixture
def owner() -> User:
    user: User = UserFactory()
    return user


def rules(project: Project | None = None, **fields: Any) -> None:
    RetentionPolicy.objects.update_or_create(project=project, defaults=fields)


def recorded(owner: User, days: float = 0, **fields: Any) -> Meeting:
    """Create a meeting with all that was found in a recording, which was uploaded so many days ago."""
    name = storage().save("recording", ContentFile(a_recording()))
    uploaded_at = timezone.now() - timedelta(days=days)
    values = {"recording": name, "recording_uploaded_at": uploaded_at} | fields
    meeting: Meeting = TranscribedMeetingFactory(owner=owner, **values)
    SegmentFactory(meeting=meeting, text="a secret was uttered", speaker_id=SpeakerFactory(meeting=meeting).pk)
    SummaryFactory(meeting=meeting, overview=[{"text": "A secret.", "segment_ids": []}])
    ActionItemFactory(meeting=meeting, text="keep the secret")
    return meeting


def command(*options: str) -> str:
    out = StringIO()
    call_command("retention", *options, stdout=out, stderr=out)
    return out.getvalue()


def kept() -> set[str]:
    return set(Meeting.objects.exclude(recording="").values_list("title", flat=True))


def test_nothing_is_deleted_by_default(owner: User) -> None:
    recorded(owner, days=10_000)
    assert command() == "0 recordings deleted.\n0 transcripts deleted.\n"
    assert (len(stored()), Segment.objects.count()) == (1, 1)


def test_recordings_are_deleted_after_success(owner: User) -> None:
    rules(recordings_after_success=True)
    for status in Status:
        recorded(owner, days=100, title=status.name, status=status)
    assert command() == "1 recordings deleted.\n0 transcripts deleted.\n"
    assert kept() == {status.name for status in Status} - {"COMPLETED"}
    names = Meeting.objects.exclude(recording="").values_list("recording", flat=True)
    assert {path.name for path in stored()} == set(names)
    meeting = Meeting.objects.get(title="COMPLETED")
    message = meeting_message(meeting)
    assert message.recording.deleted_at.ToDatetime(UTC) == meeting.recording_deleted_at
    assert message.recording.filename == "recording.wav"
    assert Segment.objects.filter(meeting=meeting).exists(), "its transcript stays"
    assert Change.objects.filter(subject_id=meeting.pk).latest("id").actor == "retention"


def test_recordings_are_deleted_after_days_unless_they_are_processed(owner: User) -> None:
    rules(recordings_after_days=30)
    for status in Status:
        recorded(owner, days=31, title=status.name, status=status)
    recorded(owner, days=29, title="young")
    assert command("--dry-run").count("The recording of meeting") == 4
    assert len(kept()) == 7, "a dry run deletes nothing"
    call_command("prune", stdout=StringIO())
    assert kept() == {"QUEUED", "PROCESSING", "young"}


def test_transcripts_are_deleted_everywhere(owner: User) -> None:
    rules(transcripts_after_days=30)
    old, young = recorded(owner, days=31), recorded(owner, days=29)
    segment = Segment.objects.get(meeting=old)
    correction = EditSegmentRequest(
        meeting_id=str(old.pk), segment_id=str(segment.pk), segment=SegmentMessage(text="the secret was told")
    )
    RestTransport()("MeetingService/EditSegment", correction, actor=owner, idempotency_key="k")
    assert IdempotencyRecord.objects.get().answer is not None
    assert command() == "0 recordings deleted.\n1 transcripts deleted.\n"
    for model in (Segment, Speaker, Summary, ActionItem):
        assert list(model.objects.values_list("meeting", flat=True)) == [young.pk]
    assert not SegmentEdit.objects.exists()
    assert IdempotencyRecord.objects.get().answer is None
    logged = Change.objects.filter(subject_type__startswith="meeting.")
    assert not [change for change in logged if str(old.pk) in f"{change.old} {change.new}"]
    assert not Change.objects.filter(subject_id=segment.pk, new__isnull=False).exists()
    old.refresh_from_db()
    assert (meeting_message(old).HasField("transcript_deleted_at"), old.recording != "") == (True, True)
    assert "Nothing is left" in command("--verify")
    assert command() == "0 recordings deleted.\n0 transcripts deleted.\n", "not again"


def test_verification_finds_what_is_left(owner: User) -> None:
    rules(recordings_after_days=30, transcripts_after_days=30)
    meeting = recorded(owner, days=31)
    meeting_id = str(meeting.pk)

    def findings() -> list[str]:
        return list(retention.remains())

    assert findings() == [
        f"The recording of meeting {meeting_id} is due, and was not deleted.",
        f"The transcript of meeting {meeting_id} is due, and was not deleted.",
    ]
    with pytest.raises(CommandError, match="2 findings"):
        command("--verify")
    images = {change.pk: change.new for change in Change.objects.filter(subject_type="meeting.segment")}
    segment = Segment.objects.get()
    retention.delete_due()
    assert findings() == []
    for pk, image in images.items():
        Change.objects.filter(pk=pk).update(new=image)
    assert findings() == ["1 changes of the kind segment contain parts of deleted transcripts."]
    Change.objects.filter(pk__in=images).update(new=None)
    SegmentFactory(meeting=meeting, start_ms=segment.start_ms)
    assert "1 rows of the kind segment belong to deleted transcripts." in findings()
    retention.services.delete_parts(meeting)
    left_name = storage().save(str(uuid4()), ContentFile(b"left"))
    assert findings() == [], "it may be of an upload that has not ended"
    left = next(path for path in stored() if path.name == left_name)
    long_ago = (timezone.now() - timedelta(hours=2)).timestamp()
    os.utime(left, (long_ago, long_ago))
    assert findings() == [f"The file {left_name} in the storage belongs to no meeting."]
    IdempotencyRecord.objects.create(
        principal="p", operation="o", key="k", request_hash=b"h", answer=b"a", subject=meeting.pk,
        created_at=timezone.now() - timedelta(days=1),
    )  # fmt: skip
    assert f"Answers to repeated requests about meeting {meeting_id} are older than the deletion." in findings()


def test_deleted_recording_cannot_be_processed_but_replaced(owner: User, settings: Any) -> None:
    rules(recordings_after_success=True)
    meeting = recorded(owner)
    retention.delete_due()
    with pytest.raises(Failed, match="was deleted") as failed:
        RestTransport()("MeetingService/Retranscribe", RetranscribeRequest(meeting_id=str(meeting.pk)), actor=owner)
    assert failed.value.reason == "CONFLICT"
    settings.RECORDING_BYTES_PER_USER = len(a_recording()) + 1
    replaced = upload_recording(owner, UploadMetadata(str(meeting.pk), replace=True), [a_recording()])
    assert (replaced.status, replaced.recording_deleted_at) == (Status.QUEUED, None)


def test_transcript_that_is_made_again_is_shown_again(owner: User) -> None:
    rules(transcripts_after_days=30)
    meeting = recorded(owner, days=31)
    retention.delete_due()
    processing.retranscribe(owner, str(meeting.pk))
    meeting.refresh_from_db()
    assert meeting.transcript_deleted_at is None


def test_meeting_without_a_recording_counts_from_its_creation(owner: User) -> None:
    rules(transcripts_after_days=30)
    MeetingFactory(owner=owner)
    old = TranscribedMeetingFactory(owner=owner, recording="")
    Meeting.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    assert retention.delete_due()["transcripts"] == 1


def test_policy_is_set_in_the_admin_site(site: Client) -> None:
    assert len(site.get(reverse("admin:meetings_retentionpolicy_changelist")).context["cl"].result_list) == 1
    page = reverse("admin:meetings_retentionpolicy_change", args=[retention.policy().pk])
    assert site.post(page, {"recordings_after_success": "on", "transcripts_after_days": "365"}).status_code == 302
    stored_rules = RetentionPolicy.objects.get()
    assert stored_rules.recordings_after_success
    assert (stored_rules.recordings_after_days, stored_rules.transcripts_after_days) == (None, 365)
    refused = site.post(page, {"transcripts_after_days": "0"})
    assert set(refused.context["adminform"].form.errors) == {"transcripts_after_days"}


def test_policy_of_a_project_replaces_that_of_the_installation(owner: User) -> None:
    strict, lasting = ProjectFactory(), ProjectFactory()
    rules(recordings_after_days=30, transcripts_after_days=30)
    rules(strict, recordings_after_success=True, transcripts_after_days=1)
    rules(lasting)
    for title, project, days in (
        ("strict", strict, 2), ("lasting", lasting, 1_000), ("old", None, 31), ("young", None, 2)
    ):  # fmt: skip
        recorded(owner, days=days, title=title, project=project)
    command()
    assert kept() == {"lasting", "young"}
    transcribed = Meeting.objects.filter(transcript_deleted_at=None).values_list("title", flat=True)
    assert set(transcribed) == {"lasting", "young"}
    assert "Nothing is left" in command("--verify")
    lasting.delete()
    assert command("--dry-run").count("would be deleted") == 2, "its meeting follows the installation's policy"


def test_policies_of_projects_are_set_in_the_admin_site(site: Client) -> None:
    project, general = ProjectFactory(), retention.policy()
    add = reverse("admin:meetings_retentionpolicy_add")
    assert set(site.post(add, {}).context["adminform"].form.errors) == {"project"}
    assert site.post(add, {"project": str(project.pk), "recordings_after_days": "7"}).status_code == 302
    own = RetentionPolicy.objects.get(project=project)
    assert own.recordings_after_days == 7
    assert set(site.post(add, {"project": str(project.pk)}).context["adminform"].form.errors) == {"project"}
    delete = "admin:meetings_retentionpolicy_delete"
    assert site.post(reverse(delete, args=[general.pk]), {"post": "yes"}).status_code == 403
    listed = reverse("admin:meetings_retentionpolicy_changelist")
    selected = {"action": "delete_selected", "_selected_action": [general.pk], "post": "yes"}
    assert site.post(listed, selected).status_code == 403
    assert site.post(reverse(delete, args=[own.pk]), {"post": "yes"}).status_code == 302
    assert list(RetentionPolicy.objects.all()) == [general]
