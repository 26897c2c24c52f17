"""Jobs in the admin site."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from core.jobs import enqueue
from core.models import Job
from tests.jobs import run_jobs
from tests.support.factories import UserFactory
from users.models import User

LIST = "admin:core_job_changelist"


@pytest.fixture
def staff(client: Client, db: None) -> User:
    staff: User = UserFactory(is_staff=True)
    client.force_login(staff)
    client.defaults["HTTP_HOST"] = "localhost"
    return staff


def may(user: User, *permissions: str) -> None:
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))


def a_failed_job() -> Job:
    job = enqueue("tests.fail", why="hopeless")
    run_jobs()
    return job


def retry(client: Client, job: Job) -> str:
    form = {"action": "retry", "_selected_action": [str(job.pk)]}
    return str(client.post(reverse(LIST), form, follow=True).content.decode())


def test_failed_jobs_show_their_errors(client: Client, staff: User, django_assert_max_num_queries: Any) -> None:
    may(staff, "view_job")
    for _ in range(20):
        a_failed_job()
    enqueue("tests.write", path="/nowhere", text="waiting")
    with django_assert_max_num_queries(6):
        page = client.get(reverse(LIST)).content.decode()
    assert page.count("PermanentFailure: It went wrong.") == 20
    for state, kinds in (("failed", {"tests.fail"}), ("open", {"tests.write"}), ("done", set())):
        shown = client.get(reverse(LIST), {"state": state}).content.decode()
        assert {kind for kind in ("tests.fail", "tests.write") if kind in shown} == kinds
    job = Job.objects.first()
    assert job is not None
    assert client.get(reverse("admin:core_job_change", args=[job.pk])).status_code == 200


def test_failed_job_can_be_retried(client: Client, staff: User) -> None:
    may(staff, "view_job", "change_job")
    job = a_failed_job()
    assert "1 job queued for retry." in retry(client, job)
    job.refresh_from_db()
    assert job.state == "waiting"
    assert run_jobs() == 1


def test_view_permission_does_not_allow_a_retry(client: Client, staff: User) -> None:
    may(staff, "view_job")
    job = a_failed_job()
    assert "queued for retry" not in retry(client, job)
    job.refresh_from_db()
    assert job.state == "failed"


def test_jobs_cannot_be_created_or_edited(client: Client, staff: User) -> None:
    may(staff, "view_job", "change_job", "add_job")
    job = a_failed_job()
    assert client.get(reverse("admin:core_job_add")).status_code == 403
    assert client.post(reverse("admin:core_job_change", args=[job.pk]), {"kind": "tests.write"}).status_code == 403


def test_staff_without_permission_sees_nothing(client: Client, staff: User) -> None:
    assert client.get(reverse(LIST)).status_code == 403
