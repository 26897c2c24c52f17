"""The change log in the admin site, seen with users."""

from datetime import date
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

import changes.admin
from changes.models import Change
from changes.services import acting, forget
from core.context import request_id
from tests.support.factories import (
    AdministratorFactory,
    SegmentFactory,
    TaskFactory,
    TranscribedMeetingFactory,
    UserFactory,
)
from users.models import Role, Status, User

LIST = "admin:changes_change_changelist"


def history(site: Client, user: User, **asked: object) -> list[str]:
    """Return the texts of the rows of the history, newest first, with single spaces."""
    page = site.get(reverse("admin:users_user_history", args=[user.pk]), asked)
    return [" ".join(" ".join(map(str, entry)).split()) for entry in page.context["entries"]]


def change(user: User, actor: User | str, reason: str = "", **fields: object) -> None:
    with acting(actor, reason):
        User.objects.filter(pk=user.pk).update(**fields)


def test_history_shows_actor_action_time_reason_and_call(site: Client, ann: User, bob: User) -> None:
    token = request_id.set("request-1")
    change(ann, bob, "asked <for> it", status=Status.BANNED, roles=[Role.SELLER, Role.SUPPORT])
    request_id.reset(token)
    page = site.get(reverse("admin:users_user_history", args=[ann.pk])).content.decode()
    assert f'href="{reverse("admin:users_user_change", args=[bob.pk])}">Bob Builder' in page
    assert "asked &lt;for&gt; it" in page
    newest, first = history(site, ann)
    assert "request-1" in newest
    assert "<del" in newest
    for before, after in (("Active", "Banned"), ("Customer", "Seller, Support")):
        assert f">{before}</del> &rarr; <ins" in newest
        assert f">{after}</ins>" in newest
    assert "Created" in first
    assert ">ann@example.com</ins>" in first
    assert "<del" not in first


def test_values_are_readable(site: Client, ann: User, bob: User) -> None:
    beginning = "A long beginning. " * 30
    change(ann, "system", bio=beginning + "one", website="https://a.example.com")
    change(
        ann, "system", bio=beginning + "two", created_by=bob, is_staff=True, social_links={"Chat": "https://b.example"},
        date_of_birth=date(2000, 2, 1), website="",
    )  # fmt: skip
    newest = history(site, ann)[0]
    for text in (
        "system", "A long beginning. one</del>", "A long beginning. two</ins>",
        ">Bob Builder &lt;bob@example.com&gt;</ins>",
        ">no</del> &rarr; <ins", ">yes</ins>", ">Chat: https://b.example</ins>", ">2000-02-01</ins>",
        ">https://a.example.com</del>",
    ):  # fmt: skip
        assert text in newest
    assert len(newest) < 2_000


def test_next_page_begins_after_the_previous_one(
    site: Client, ann: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes.admin, "PAGE_SIZE", 2)
    for number in range(3):
        change(ann, bob, bio=f"Bio {number}")
    all_ids = list(Change.objects.filter(subject_id=ann.pk).order_by("-id").values_list("id", flat=True))
    page = site.get(reverse("admin:users_user_history", args=[ann.pk]))
    assert (len(page.context["entries"]), page.context["older"]) == (2, all_ids[1])
    assert f"?before={all_ids[1]}" in page.content.decode()
    change(ann, bob, bio="Meanwhile")
    assert "Bio 0" in history(site, ann, before=all_ids[1])[0]
    assert len(history(site, ann, before=all_ids[1])) == 2
    assert history(site, ann, before=all_ids[-1]) == []
    assert len(history(site, ann, before="9" * 30)) == 2


def test_staff_without_the_permission_see_ids(client: Client, ann: User, bob: User) -> None:
    staff = AdministratorFactory()
    staff.user_permissions.set(Permission.objects.filter(codename="view_change"))
    client.force_login(staff)
    change(ann, bob, bio="New")
    newest = Change.objects.latest("id")
    for address in (reverse(LIST), reverse("admin:changes_change_change", args=[newest.pk])):
        page = client.get(address, HTTP_HOST="localhost").content.decode()
        assert str(bob.pk) in page
        assert "Bob" not in page
        assert "/users/user/" not in page


def test_the_log_is_a_list_to_search_and_filter(site: Client, ann: User, bob: User) -> None:
    change(ann, bob, "why not", bio="New")
    newest = Change.objects.latest("id")
    page = site.get(reverse(LIST), {"q": str(ann.pk), "operation": "updated", "subject_type": "user"})
    assert list(page.context["cl"].result_list) == [newest]
    assert "why not" in page.content.decode()
    assert "Bob Builder" in page.content.decode()
    assert list(site.get(reverse(LIST), {"q": "nonsense"}).context["cl"].result_list) == []
    assert list(site.get(reverse(LIST), {"subject_type": "moon"}).context["cl"].result_list) == []
    one = site.get(reverse("admin:changes_change_change", args=[newest.pk])).content.decode()
    assert ">New</ins>" in one


def test_the_changes_of_a_request_are_found(site: Client, ann: User, bob: User) -> None:
    token = request_id.set("reported-by-a-user")
    change(ann, bob, bio="New")
    request_id.reset(token)
    newest = Change.objects.latest("id")
    change(ann, bob, bio="Newer")
    found = site.get(reverse(LIST), {"q": " reported-by-a-user "}).context["cl"].result_list
    assert list(found) == [newest]


def test_filters_look_through_the_newest_only(
    site: Client, ann: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(ann, bob, bio="New")
    monkeypatch.setattr(changes.admin, "RECENT_CHANGES", 1)
    assert len(site.get(reverse(LIST), {"operation": "updated"}).context["cl"].result_list) == 1
    assert len(site.get(reverse(LIST), {"operation": "created"}).context["cl"].result_list) == 0


def test_forgotten_rows_are_not_shown(site: Client, ann: User, bob: User) -> None:
    change(ann, bob, bio="Secret")
    forget("user", ann.pk)
    assert all("Secret" not in entry and "<ins" not in entry for entry in history(site, ann))


def test_fields_are_shown_only_of_what_one_may_view(client: Client, ann: User, bob: User) -> None:
    staff = AdministratorFactory()
    staff.user_permissions.set(Permission.objects.filter(codename__in=("view_change", "view_task")))
    client.force_login(staff)
    change(ann, bob, "a private reason", bio="A private life")
    of_user = Change.objects.latest("id")
    with acting(bob):
        TaskFactory(created_by=bob, title="Sow beans")
    of_task = Change.objects.filter(subject_type="task").latest("id")

    def page(of: Change) -> str:
        answer = client.get(reverse("admin:changes_change_change", args=[of.pk]), HTTP_HOST="localhost")
        assert answer.status_code == 200
        return str(answer.content.decode())

    listed = client.get(reverse(LIST), HTTP_HOST="localhost").content.decode()
    found = client.get(reverse(LIST), {"q": str(ann.pk)}, HTTP_HOST="localhost").content.decode()
    for text in (page(of_user), listed, found):
        assert "A private life" not in text
        assert "a private reason" not in text
    assert str(ann.pk) in found
    assert "Sow beans" in page(of_task)


def test_fields_are_shown_only_of_rows_that_one_sees(client: Client, ann: User, bob: User) -> None:
    staff = UserFactory(is_staff=True)
    codenames = ("view_change", "view_task", "view_meeting", "view_segment")
    staff.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(staff)
    with acting(bob, "a private reason"):
        theirs = TaskFactory(created_by=staff, title="Sow beans")
        others = [TaskFactory(created_by=bob, title="A private task") for _ in range(2)]
        meeting = TranscribedMeetingFactory(owner=bob, title="A private meeting")
        segments = [SegmentFactory(meeting=meeting, recognized_text="A private word") for _ in range(2)]
        attended = SegmentFactory(
            meeting=TranscribedMeetingFactory(owner=bob, participants=[staff.pk]), recognized_text="For all"
        )
        gone = TaskFactory(created_by=staff, title="Pull weeds")
    private = [row.pk for row in (*others, meeting, *segments)]
    shared = [row.pk for row in (theirs, attended, gone)]
    with acting(bob, "a private reason"):
        for row in (others[1], segments[1], attended, gone):
            row.delete()

    def pages(subject_ids: list[UUID]) -> list[str]:
        found = Change.objects.filter(subject_id__in=subject_ids)
        addresses = [reverse("admin:changes_change_change", args=[change.pk]) for change in found]
        addresses += [f"{reverse(LIST)}?q={subject_id}" for subject_id in subject_ids]
        return [client.get(address, HTTP_HOST="localhost").content.decode() for address in addresses]

    assert all("rivate" not in page for page in pages(private))
    text = "".join(pages(shared))
    for shown in ("Sow beans", "For all", "Pull weeds", "a private reason"):
        assert shown in text
