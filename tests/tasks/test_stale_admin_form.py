"""The form of a task in the admin site that is older than the task: choices by field between both values."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from changes.models import Change
from tasks.models import Priority, Status, Task
from tests.support.factories import TaskFactory, UserFactory
from tests.tasks.test_admin import form, page_of
from users.models import User

DAY = datetime(2027, 1, 31, 9, 30, tzinfo=UTC)
_ROW = re.compile(r'name="differs" value="(\w+)".*?</tr>', re.DOTALL)
_CHECKED = re.compile(r'value="(current|typed)"[^>]* checked')


def choices(page: str) -> dict[str, str]:
    """Return the fields that the page asks about, each with the choice that is made beforehand."""
    rows = {row[1]: _CHECKED.findall(row[0]) for row in _ROW.finditer(page)}
    return {name: "".join(checked) for name, checked in rows.items()}


def sent(made: dict[str, str], **fields: Any) -> dict[str, Any]:
    """Return a form with these choices."""
    return form(**fields) | {"differs": list(made)} | {f"keep_{name}": kept for name, kept in made.items() if kept}


@pytest.fixture
def task(ann: User) -> Task:
    """A task at version 2, whose title, priority, labels, date and assignee another user has changed."""
    task = TaskFactory(title="Title", description="Text", labels=["old"])
    values = {"title": "Theirs", "priority": Priority.HIGH, "labels": ["new"], "due_date": DAY, "assigned_to": ann}
    Task.objects.filter(pk=task.pk).update(**values)
    task.refresh_from_db()
    assert task.version == 2
    return task


def test_fields_that_only_one_has_changed_are_chosen_beforehand(site: Client, task: Task, ann: User) -> None:
    mine = {"title": "Mine", "description": "Ten minutes of work", "labels": "old"}
    page = site.post(page_of(task), form(**mine, opened_version="1")).content.decode()
    assert "It was modified concurrently and is now at version 2" in page
    assert "Ten minutes of work</textarea>" in page
    assert 'name="opened_version" value="2"' in page
    made = choices(page)
    assert made == {
        "title": "", "description": "typed", "priority": "current", "labels": "current", "assigned_to": "current",
        "due_date": "current",
    }  # fmt: skip
    undecided = site.post(page_of(task), sent(made, **mine, opened_version="2")).content.decode()
    assert "Choose above which value is kept." in undecided
    assert choices(undecided) == made
    task.refresh_from_db()
    assert (task.title, task.version) == ("Theirs", 2)
    answer = site.post(page_of(task), sent({**made, "title": "typed"}, **mine, opened_version="2"))
    assert answer.status_code == 302
    task.refresh_from_db()
    assert (task.title, task.description, task.version) == ("Mine", "Ten minutes of work", 3)
    assert (task.priority, task.labels, task.due_date, task.assigned_to) == (Priority.HIGH, ["new"], DAY, ann)


def test_choices_outlast_another_change(site: Client, task: Task) -> None:
    mine = {"title": "Mine", "description": "Text", "labels": "new"}
    made = choices(site.post(page_of(task), form(**mine, opened_version="1")).content.decode())
    Task.objects.filter(pk=task.pk).update(status=Status.DONE)
    chosen = sent({**made, "title": "current", "priority": "typed"}, **mine, opened_version="2")
    again = choices(site.post(page_of(task), chosen).content.decode())
    assert again == {**made, "title": "current", "priority": "typed", "status": "current"}
    assert site.post(page_of(task), sent(again, **mine, opened_version="3")).status_code == 302
    task.refresh_from_db()
    assert (task.title, task.priority, task.status) == ("Theirs", Priority.MEDIUM, Status.DONE)


def test_without_the_log_what_was_typed_is_chosen(site: Client, task: Task) -> None:
    Change.objects.filter(subject_id=task.pk).update(old=None, new=None)
    page = site.post(page_of(task), form(title="Mine", opened_version="1")).content.decode()
    assert set(choices(page).values()) == {"typed"}


def test_form_without_choices_changes_what_differs(site: Client, task: Task) -> None:
    other = UserFactory()
    values = {"title": "Mine", "assigned_to": str(other.pk), "opened_version": "2"}
    assert site.post(page_of(task), form(**values)).status_code == 302
    task.refresh_from_db()
    assert (task.title, task.assigned_to, task.due_date) == ("Mine", other, None)
