"""Meetings in the admin site: through the same services, with the same rules."""

from typing import Any

from django.test import Client
from django.urls import reverse

from changes.models import Change
from meetings.models import Meeting, Status
from tests.factories import MeetingFactory
from users.models import User

LIST = reverse("admin:meetings_meeting_changelist")
ADD = reverse("admin:meetings_meeting_add")


def form(**fields: Any) -> dict[str, Any]:
    return {
        "title": "Title", "starts_at_0": "", "starts_at_1": "", "participants": "", "language": "", "owner": "",
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
    fields = form(title=" New ", owner=str(ann.pk), participants=f"{bob.pk},{ann.pk}", language="en")
    assert site.post(ADD, fields).status_code == 302
    meeting = Meeting.objects.get()
    assert (meeting.title, meeting.owner, meeting.participants) == ("New", ann, [bob.pk, ann.pk])
    assert Change.objects.get(subject_id=meeting.pk).actor == str(administrator.pk)


def test_a_change_goes_through_the_service(site: Client, administrator: User, ann: User, bob: User) -> None:
    meeting = MeetingFactory(title="Title", owner=ann, participants=[ann.pk])
    assert site.post(page_of(meeting), form(owner=str(bob.pk), participants="")).status_code == 302
    meeting.refresh_from_db()
    assert (meeting.title, meeting.owner, meeting.participants, meeting.version) == ("Title", bob, [], 2)
    assert Change.objects.filter(subject_id=meeting.pk).latest("id").actor == str(administrator.pk)


def test_bad_input_is_shown_at_its_field(site: Client, ann: User) -> None:
    meeting = MeetingFactory(owner=ann)
    response = site.post(page_of(meeting), form(title=" ", owner=str(ann.pk), participants="x", language="X"))
    assert set(response.context["adminform"].form.errors) == {"title", "participants", "language"}
    meeting.refresh_from_db()
    assert meeting.version == 1


def test_deleting_goes_through_the_service(site: Client, administrator: User) -> None:
    meeting = MeetingFactory()
    site.post(LIST, {"action": "delete_selected", "_selected_action": [str(meeting.pk)], "post": "yes"})
    assert not Meeting.objects.exists()
    assert Change.objects.get(subject_id=meeting.pk, operation="deleted").actor == str(administrator.pk)
