"""Lists of the admin site, seen with users."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.admin import lists
from tasks.admin import TaskAdmin
from tasks.models import Task
from tests.support.factories import AdministratorFactory, TaskFactory, UserFactory
from users.admin import UserAdmin
from users.models import Status, User


@pytest.fixture
def site(client: Client, db: None) -> Client:
    client.force_login(AdministratorFactory(is_superuser=True))
    client.defaults["HTTP_HOST"] = "localhost"
    return client


def users_of(site: Client, **asked: object) -> list[User]:
    return list(site.get(reverse("admin:users_user_changelist"), asked).context["cl"].result_list)


def test_people_are_named_in_lists_with_their_addresses_as_tooltips(site: Client) -> None:
    TaskFactory(assigned_to=UserFactory(display_name="Ann <b>", email="ann@example.com"))
    page = site.get(reverse("admin:tasks_task_changelist")).content.decode()
    assert 'title="Ann &lt;b&gt; &lt;ann@example.com&gt;">Ann &lt;b&gt;</span>' in page


@pytest.mark.parametrize("few", [1_000, 0])
def test_pages_end_where_counting_does(site: Client, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(lists, "COUNT_LIMIT", 6)
    monkeypatch.setattr(lists, "EXACT_COUNT_LIMIT", few)
    monkeypatch.setattr(UserAdmin, "list_per_page", 3)
    UserFactory.create_batch(5)
    page = site.get(reverse("admin:users_user_changelist"))
    assert "more than" not in page.content.decode()
    assert re.search(r"\b6\s+users", page.content.decode())
    UserFactory.create_batch(3)
    newest = list(User.objects.order_by("-created_at", "-id"))
    page = site.get(reverse("admin:users_user_changelist"), {"p": 2})
    assert re.search(r"more than 6\s+users \(the pages show the first ones", page.content.decode())
    assert list(page.context["cl"].result_list) == newest[3:6]
    beyond = site.get(reverse("admin:users_user_changelist"), {"p": 3})
    assert (beyond.status_code, beyond.url) == (302, reverse("admin:users_user_changelist") + "?e=1")


def test_list_sorts_by_one_indexed_column(site: Client) -> None:
    UserFactory(display_name="Zoe", status=Status.BANNED)
    UserFactory(display_name="Adam")
    by_name, by_status = UserAdmin.list_display.index("display_name") + 1, UserAdmin.list_display.index("status") + 1
    UserFactory(display_name="ägir")
    assert users_of(site, o=f"{by_name}.1") == list(User.objects.order_by("sort_name"))
    assert users_of(site, o=f"{by_name}.1")[-2:] == list(
        User.objects.filter(display_name__in=["ägir", "Zoe"]).order_by("-pk")
    )
    assert users_of(site, o=f"-{by_name}") == list(User.objects.order_by("-sort_name"))
    assert users_of(site, o=f"-{by_status}") == list(User.objects.order_by("-created_at"))


def test_rows_of_certain_days_are_sorted_by_those(site: Client) -> None:
    now = timezone.now()
    due = [TaskFactory(due_date=now + timedelta(days=days)) for days in (3, 1, 2, 40)]
    last, first, middle, later = due
    week = {"due_date_from": f"{now:%Y-%m-%d}", "due_date_to": f"{now + timedelta(days=7):%Y-%m-%d}"}
    today = {"created_at_from": f"{now:%Y-%m-%d}", "created_at_to": f"{now + timedelta(days=1):%Y-%m-%d}"}
    by_due, by_creation = (TaskAdmin.list_display.index(name) + 1 for name in ("due_date", "created_at"))

    def shown(**asked: object) -> list[Task]:
        page = site.get(reverse("admin:tasks_task_changelist"), asked)
        sorted_by = [heading["text"] for heading in page.context["cl"].headings if heading.get("sorted")]
        assert sorted_by == ["created at" if "created_at_from" in asked else "due date"]
        return list(page.context["cl"].result_list)

    assert shown(**week) == shown(**week, o=f"{by_creation}") == [last, middle, first]
    assert shown(**week, o=f"{by_due}") == [first, middle, last]
    assert shown(due_date_from=week["due_date_from"]) == [later, last, middle, first]
    # By the fewer days.
    assert shown(**week, **today) == [middle, first, last]


def test_rows_are_escaped_and_lead_back_to_the_filtered_list(site: Client) -> None:
    user = UserFactory(display_name="<i>Ada</i>", is_staff=True, status=Status.DEACTIVATED)
    task = TaskFactory(title="Order <b>seeds</b> & bulbs", assigned_to=user, due_date=None)
    page = site.get(reverse("admin:tasks_task_changelist"), {"q": "bulbs"}).content.decode()
    link = f"{reverse('admin:tasks_task_change', args=[task.pk])}?_changelist_filters=q%3Dbulbs"
    assert f'data-label="title"><a href="{link}" class="cell-link">Order &lt;b&gt;seeds&lt;/b&gt; &amp; bulbs<' in page
    assert "&lt;i&gt;Ada&lt;/i&gt;" in page
    assert '<td class="field-due_date cell" data-label="due date">-</td>' in page
    page = site.get(reverse("admin:users_user_changelist"), {"is_staff__exact": 1}).content.decode()
    assert re.findall('data-label="staff">.*?>(yes|no)<', page, re.DOTALL) == ["yes", "yes"]


def test_a_picker_offers_the_first_matches(site: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = UserFactory.create_batch(5, display_name="Ada")
    newest_first = [str(user.pk) for user in reversed(made)]
    asked = {"term": "ada", "app_label": "tasks", "model_name": "task", "field_name": "assigned_to"}
    found = site.get(reverse("admin:autocomplete"), asked).json()["results"]
    assert [one["id"] for one in found] == newest_first
    monkeypatch.setattr(lists, "MAX_PICKED", 3)
    answer = site.get(reverse("admin:autocomplete"), asked).json()
    assert [one["id"] for one in answer["results"]] == newest_first[:3]
    assert answer["pagination"] == {"more": False}


@pytest.mark.parametrize("lookup", ["password__startswith", "bio__icontains", "created_by__password__startswith"])
def test_list_accepts_only_its_filters(site: Client, lookup: str) -> None:
    assert site.get(reverse("admin:users_user_changelist"), {lookup: "x"}).status_code == 400


def test_an_action_is_for_what_is_ticked(site: Client) -> None:
    ticked, other = UserFactory.create_batch(2)
    form = {"action": "deactivate", "_selected_action": [str(ticked.pk)], "select_across": "1", "reason": "left"}
    site.post(reverse("admin:users_user_changelist"), form)
    assert set(User.objects.filter(status=Status.DEACTIVATED)) == {ticked}
    assert other.status == Status.ACTIVE
