"""Meetings in the admin site: through the same services, with the same rules."""

from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from changes.models import Change
from meetings.models import ActionItem, ActionItemStatus, Meeting, SegmentEdit, Stage, Status
from tasks.models import Task
from tests.support.factories import (
    ActionItemFactory,
    MeetingFactory,
    SegmentFactory,
    SpeakerFactory,
    SummaryFactory,
    SupportFactory,
    TranscribedMeetingFactory,
)
from users.models import User

LIST = reverse("admin:meetings_meeting_changelist")
ADD = reverse("admin:meetings_meeting_add")


def form(**fields: Any) -> dict[str, Any]:
    return {
        "title": "Title", "starts_at_0": "", "starts_at_1": "", "participants": [], "language": "", "owner": "",
    } | fields  # fmt: skip


def page_of(meeting: Meeting) -> str:
    return reverse("admin:meetings_meeting_change", args=[meeting.pk])


def test_the_list_searches_and_filters(site: Client) -> None:
    MeetingFactory(title="Alpha", status=Status.FAILED)
    MeetingFactory(title="Beta")

    def shown(**query: Any) -> list[str]:
        return [meeting.title for meeting in site.get(LIST, query).context["cl"].result_list]

    assert shown() == ["Beta", "Alpha"]
    assert shown(q="alph") == ["Alpha"]
    assert shown(status__exact=Status.PENDING) == ["Beta"]


def test_a_new_meeting_goes_through_the_service(site: Client, administrator: User, ann: User, bob: User) -> None:
    fields = form(title=" New ", owner=str(ann.pk), participants=[str(bob.pk), str(ann.pk)], language="en")
    assert site.post(ADD, fields).status_code == 302
    meeting = Meeting.objects.get()
    assert (meeting.title, meeting.owner, meeting.participants) == ("New", ann, [bob.pk, ann.pk])
    assert Change.objects.get(subject_id=meeting.pk).actor == str(administrator.pk)


def test_vocabulary_is_edited_one_phrase_a_line(site: Client, ann: User) -> None:
    meeting = MeetingFactory(title="Title", owner=ann, vocabulary=["Ada", "Grace Hopper"])
    page = site.get(page_of(meeting)).content.decode()
    assert "Ada\nGrace Hopper</textarea>" in page
    fields = form(owner=str(ann.pk), vocabulary="Ada\r\n\r\nKubernetes \r\n")
    assert site.post(page_of(meeting), fields).status_code == 302
    meeting.refresh_from_db()
    assert meeting.vocabulary == ["Ada", "Kubernetes"]
    refused = site.post(page_of(meeting), form(owner=str(ann.pk), vocabulary="Ada\nADA"))
    assert set(refused.context["adminform"].form.errors) == {"vocabulary"}


def test_a_change_goes_through_the_service(site: Client, administrator: User, ann: User, bob: User) -> None:
    meeting = MeetingFactory(title="Title", owner=ann, participants=[ann.pk])
    assert site.post(page_of(meeting), form(owner=str(bob.pk), participants=[])).status_code == 302
    meeting.refresh_from_db()
    assert meeting.title == "Title"
    assert meeting.owner == bob
    assert meeting.participants == []
    assert meeting.version == 2
    assert Change.objects.filter(subject_id=meeting.pk).latest("id").actor == str(administrator.pk)


def test_bad_input_is_shown_at_its_field(site: Client, ann: User) -> None:
    meeting = MeetingFactory(owner=ann)
    response = site.post(page_of(meeting), form(title=" ", owner=str(ann.pk), participants=["x"], language="X"))
    assert set(response.context["adminform"].form.errors) == {"title", "participants", "language"}
    meeting.refresh_from_db()
    assert meeting.version == 1


def test_recordings_are_processed_again_and_cancelled(site: Client, administrator: User, ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann)
    chosen = {"_selected_action": [str(meeting.pk)], "index": "0"}
    shown = site.post(LIST, {**chosen, "action": "retranscribe_selected"}, follow=True).content.decode()
    assert "1 queued for another transcript" in shown
    meeting.refresh_from_db()
    assert meeting.status == Status.QUEUED
    assert (
        "already being processed"
        in site.post(LIST, {**chosen, "action": "retranscribe_selected"}, follow=True).content.decode()
    )
    assert "1 cancelled" in site.post(LIST, {**chosen, "action": "cancel_selected"}, follow=True).content.decode()
    meeting.refresh_from_db()
    assert meeting.status == Status.CANCELLED


def test_a_history_names_participants_and_folds_progress(site: Client, ann: User, bob: User) -> None:
    meeting = MeetingFactory(owner=ann)
    Meeting.objects.filter(pk=meeting.pk).update(participants=[bob.pk])
    for percent in (10, 20, 30):
        Meeting.objects.filter(pk=meeting.pk).update(progress=percent)
    Meeting.objects.filter(pk=meeting.pk).update(title="Renamed", progress=40)
    page = site.get(reverse("admin:meetings_meeting_history", args=[meeting.pk]))
    entries = [" ".join(map(str, entry)) for entry in page.context["entries"]]
    assert len(entries) == 4
    assert "3–5" in entries[1]
    assert "3 reports of progress" in entries[1]
    assert "Bob Builder" in page.content.decode()
    assert str(bob.pk) not in entries[2]
    log = site.get(reverse("admin:changes_change_changelist")).content.decode()
    assert "meeting “Renamed”" in log
    assert "Request id" not in log


def test_deleting_goes_through_the_service(site: Client, administrator: User) -> None:
    meeting = MeetingFactory()
    site.post(LIST, {"action": "delete_selected", "_selected_action": [str(meeting.pk)], "post": "yes"})
    assert not Meeting.objects.exists()
    assert Change.objects.get(subject_id=meeting.pk, operation="deleted").actor == str(administrator.pk)


def test_a_meetings_page_shows_how_far_it_is_and_what_came_of_it(site: Client, ann: User, bob: User) -> None:
    meeting = TranscribedMeetingFactory(
        owner=ann, status=Status.PROCESSING, stage=Stage.DIARIZING, progress=42, notice="It ends before it should.",
        missing=[{"stage": Stage.SUMMARIZING, "reason": "No engine <summarises>."}],
    )  # fmt: skip
    SpeakerFactory(meeting=meeting, name="The Chair", user=bob)
    SummaryFactory(meeting=meeting, decisions=[{"text": "We buy <one>.", "segment_ids": []}])
    SegmentFactory(meeting=meeting, recognized_text="so be it", start_ms=61_000)
    item = ActionItemFactory(meeting=meeting, text="send the report")
    page = site.get(page_of(meeting)).content.decode()
    for shown in (
        '<progress value="42" max="100">', "42&nbsp;%", "Diarizing", "It ends before it should.", "The Chair",
        "Summarizing: No engine &lt;summarises&gt;.",
        "We buy &lt;one&gt;.", "1:01", "so be it", "send the report", f"/items/{item.pk}/accept/",
    ):  # fmt: skip
        assert shown in page
    assert '<progress value="42" max="100">' in site.get(LIST).content.decode()


def test_an_action_item_is_decided_about_on_its_meetings_page(site: Client, administrator: User) -> None:
    item = ActionItemFactory()
    for name, status, links in (
        ("reject", ActionItemStatus.REJECTED, {"accept"}),
        ("accept", ActionItemStatus.ACCEPTED, set()),
    ):
        address = reverse(f"admin:meetings_actionitem_{name}", args=[item.pk])
        assert item.text in site.get(address).content.decode()
        item.refresh_from_db()
        assert item.status != status
        assert site.post(address).url == page_of(item.meeting)  # type: ignore[attr-defined]
        item.refresh_from_db()
        assert (item.status, item.decided_by) == (status, administrator)
        page = site.get(page_of(item.meeting)).content.decode()
        assert {link for link in ("accept", "reject") if f"/{item.pk}/{link}/" in page} == links
    assert Task.objects.get().pk == item.task_id
    refused = site.post(reverse("admin:meetings_actionitem_reject", args=[item.pk]), follow=True)
    assert "accepted; delete its task" in refused.content.decode()


def test_action_item_can_be_decided_again_after_its_task_was_deleted(site: Client) -> None:
    item = ActionItemFactory()
    site.post(reverse("admin:meetings_actionitem_accept", args=[item.pk]))
    own = reverse("admin:meetings_actionitem_change", args=[item.pk])
    task = Task.objects.get()
    for page in (own, reverse("admin:meetings_actionitem_changelist")):
        assert reverse("admin:tasks_task_change", args=[task.pk]) in site.get(page).content.decode()
    task.delete()
    assert "(deleted)" in site.get(own).content.decode()
    for page in (own, page_of(item.meeting)):
        shown = site.get(page).content.decode()
        assert all(f"/{item.pk}/{name}/" in shown for name in ("accept", "reject"))
    site.post(reverse("admin:meetings_actionitem_reject", args=[item.pk]))
    item.refresh_from_db()
    assert (item.status, item.task_id) == (ActionItemStatus.REJECTED, None)


def test_forbidden_action_shows_a_message(client: Client, ann: User) -> None:
    staff = SupportFactory(is_staff=True)
    codes = ("view_meeting", "change_meeting", "view_actionitem", "change_actionitem")
    staff.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client.force_login(staff)
    client.defaults["HTTP_HOST"] = "localhost"
    meeting = MeetingFactory(owner=ann, title="Title", participants=[staff.pk])
    received = client.post(
        page_of(meeting), form(title="New", owner=str(ann.pk), participants=[str(staff.pk)]), follow=True
    )
    assert (
        "Only the owner of a meeting, editors of its project and administrators may change it."
        in received.content.decode()
    )
    meeting.refresh_from_db()
    assert meeting.title == "Title"
    for item, word in ((ActionItemFactory(), "not found"), (ActionItemFactory(meeting=meeting), "1 accepted")):
        address = reverse("admin:meetings_actionitem_accept", args=[item.pk])
        assert word in client.post(address, follow=True).content.decode()
    assert Task.objects.count() == 1
    # What is not for them at all stays so.
    staff.user_permissions.clear()
    assert client.post(page_of(meeting), form()).status_code == 403


def test_lines_of_the_current_version_are_shown_in_their_order(site: Client) -> None:
    meeting = TranscribedMeetingFactory()
    for number in (place * 5 % 12 for place in range(12)):
        SegmentFactory(meeting=meeting, recognized_text=f"sentence {number}.", start_ms=number * 1000, confidence=0.5)
    shown = site.get(page_of(meeting)).content.decode()
    places = [shown.index(f"sentence {number}.") for number in range(12)]
    assert places == sorted(places)
    assert f"{reverse('admin:meetings_segment_changelist')}?meeting__id__exact={meeting.pk}" in shown
    assert "50\u00a0%" in site.get(reverse("admin:meetings_segment_changelist")).content.decode()


def test_several_action_items_are_decided_about_in_their_list(site: Client) -> None:
    items = ActionItemFactory.create_batch(3)
    address = reverse("admin:meetings_actionitem_changelist")
    site.post(address, {"action": "accept", "_selected_action": [str(item.pk) for item in items[:2]]})
    site.post(address, {"action": "reject", "_selected_action": [str(item.pk) for item in items[1:]]})
    statuses = [ActionItem.objects.get(pk=item.pk).status for item in items]
    assert statuses == [ActionItemStatus.ACCEPTED, ActionItemStatus.ACCEPTED, ActionItemStatus.REJECTED]
    assert Task.objects.count() == 2
    shown = site.get(address, {"status__exact": ActionItemStatus.REJECTED}).context["cl"].result_list
    assert [item.pk for item in shown] == [items[2].pk]


def test_a_segment_is_corrected_through_the_service(site: Client, administrator: User) -> None:
    segment = SegmentFactory(recognized_text="we ship it")
    speaker = SpeakerFactory(meeting=segment.meeting)
    address = reverse("admin:meetings_segment_change", args=[segment.pk])
    assert site.post(address, {"text": "We ship it.", "speaker_id": str(speaker.pk)}).status_code == 302
    segment.refresh_from_db()
    assert (segment.text, segment.recognized_text, segment.speaker_id) == ("We ship it.", "we ship it", speaker.pk)
    assert (SegmentEdit.objects.get().edited_by, segment.edited_by) == (administrator, administrator)
    wrong = site.post(address, {"text": " ", "speaker_id": str(segment.pk)}).context["adminform"].form.errors
    assert set(wrong) == {"text", "speaker_id"}
    assert "We ship it." in site.get(reverse("admin:meetings_segment_history", args=[segment.pk])).content.decode()


def test_segments_are_searched_and_filtered(site: Client, ann: User) -> None:
    one, other = SegmentFactory(recognized_text="Alpha"), SegmentFactory(recognized_text="Beta", edited_by=ann)
    third = SegmentFactory(recognized_text="Gamma", by_vocabulary=True)
    address = reverse("admin:meetings_segment_changelist")
    for query, expected in (
        ({"corrected": "vocabulary"}, third),
        ({"q": "alph"}, one),
        ({"corrected": "yes"}, other),
        ({"meeting__id__exact": str(one.meeting_id)}, one),
    ):
        assert list(site.get(address, query).context["cl"].result_list) == [expected]


def test_a_speaker_is_named_through_the_service(site: Client, administrator: User, bob: User) -> None:
    speaker = SpeakerFactory()
    address = reverse("admin:meetings_speaker_change", args=[speaker.pk])
    assert site.post(address, {"name": "", "user": str(bob.pk)}).status_code == 302
    speaker.refresh_from_db()
    assert (speaker.name, speaker.user, speaker.version) == ("Bob Builder", bob, 2)
    assert Change.objects.filter(subject_id=speaker.pk).latest("id").actor == str(administrator.pk)


def test_a_form_that_is_older_than_its_row_changes_nothing(site: Client, ann: User) -> None:
    meeting = TranscribedMeetingFactory(owner=ann, title="Title")
    segment, speaker = SegmentFactory(meeting=meeting, recognized_text="we ship it"), SpeakerFactory(meeting=meeting)
    for row, fields in (
        (meeting, form(owner=str(ann.pk), title="Mine")),
        (segment, {"text": "We ship it!", "speaker_id": ""}),
        (speaker, {"name": "Ann", "user": ""}),
    ):
        address = reverse(f"admin:meetings_{row._meta.model_name}_change", args=[row.pk])
        assert '<input type="hidden" name="opened_version" value="1">' in site.get(address).content.decode()
        assert site.post(address, {**fields, "opened_version": "1"}).status_code == 302
        row.refresh_from_db()
        assert row.version == 2
        # A form that comes back with its mistakes is as old as before.
        again = site.post(address, {**fields, "title": "", "text": "", "name": "x" * 201, "opened_version": "1"})
        assert 'name="opened_version" value="1"' in again.content.decode()
        for late in (fields | {"title": "Theirs", "text": "We shipped it.", "name": "Bob"}, fields):
            received = site.post(address, {**late, "opened_version": "1"}, follow=True).content.decode()
            assert "It was modified concurrently and is now at version 2." in received
            row.refresh_from_db()
            assert row.version == 2
