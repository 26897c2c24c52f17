"""The home page of the admin site: what needs a hand, the processes, calls, and the permissions of its panels."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from config.home.calls import processes
from config.home.figures import kept
from core import rate_limits
from core.jobs import enqueue
from core.models import Job
from drawings.models import Document
from drawings.models import Status as DocumentStatus
from meetings.models import Meeting, NodeState
from meetings.models import Status as MeetingStatus
from tasks.models import Priority, Status
from telemetry import metrics_address
from tests.support.factories import (
    AdministratorFactory,
    MeetingFactory,
    PageFactory,
    SpeakerFactory,
    SpeechNodeFactory,
    TaskFactory,
    TranscribedMeetingFactory,
    UserFactory,
)
from users.models import User

HOME, REFRESH, RETRY = (reverse(f"admin:{name}") for name in ("index", "home_refresh", "home_retry"))


@pytest.fixture(autouse=True)
def nothing_kept(settings: Any) -> Iterator[None]:
    """Ask ports on which nothing listens, and forget what was asked before."""
    settings.METRICS_HOST = "127.0.0.1"
    settings.WEB_METRICS_PORT = settings.GRPC_METRICS_PORT = settings.WORKER_METRICS_PORT = 1
    settings.NODE_METRICS_PORT = 1
    processes.forget()
    kept.clear()
    yield
    processes.forget()
    kept.clear()


def panels(site: Client) -> dict[str, str]:
    found: dict[str, str] = site.get(REFRESH).json()["panels"]
    return found


def a_failed_job() -> Job:
    job = enqueue("tests.fail", why="hopeless")
    Job.objects.filter(pk=job.pk).update(failed=True, ended_at=timezone.now(), last_error="Mail server is away")
    return job


def test_what_needs_a_hand_is_named_and_a_job_is_retried(site: Client) -> None:
    assert "All is well" not in panels(site)["attention"]  # No process runs beside this test.
    job = a_failed_job()
    SpeechNodeFactory(address="grpc://gpu.example.com", state=NodeState.PASSED_OVER, reason="It does not answer.")
    meeting = MeetingFactory(title="Weekly")
    Meeting.objects.filter(pk=meeting.pk).update(status=MeetingStatus.FAILED, failure_reason="No sound.")
    old = MeetingFactory(title="Long ago")
    long_ago = timezone.now() - timedelta(days=30)
    Meeting.objects.filter(pk=old.pk).update(status=MeetingStatus.FAILED, created_at=long_ago)
    document = PageFactory().document
    Document.objects.filter(pk=document.pk).update(status=DocumentStatus.PARTIAL, failure_reason="Sheet 2 is damaged.")
    for _ in range(5):
        rate_limits.take("guesses", "ada", limit=100, seconds=3600, message="")
    with CaptureQueriesContext(connection) as captured:
        page = site.get(HOME).content.decode()
    assert len(captured) <= 12
    assert len(page) < 80 * 1024
    shown = panels(site)
    for text in ("Job tests.fail failed", "Mail server is away", "gpu.example.com is passed over", "Weekly",
                 "No sound.", "Sheet 2 is damaged.", "1 account with 5 failed sign-ins",
                 "Web server is not seen"):  # fmt: skip
        assert text in page
        assert text in shown["attention"]
    assert "Long ago" not in page
    assert site.post(RETRY, {"job": str(job.pk)}).status_code == 302
    job.refresh_from_db()
    assert (job.failed, job.ended_at) == (False, None)
    assert "Job tests.fail failed" not in panels(site)["attention"]
    for unknown in (str(job.pk), "no id"):
        assert "no such failed job" in site.post(RETRY, {"job": unknown}, follow=True).content.decode()


def test_processes_report_calls_since_the_page_was_first_opened(site: Client, settings: Any, monkeypatch: Any) -> None:
    registry = CollectorRegistry()
    started = Gauge("process_start_time_seconds", "", registry=registry)
    handled = Counter("http_server_requests", "", ["method", "operation", "code"], registry=registry)
    seconds = Histogram("http_server_request_seconds", "", ["method", "operation"], registry=registry, buckets=(0.1, 1))
    Gauge("tandem_open_streams", "", ["kind"], registry=registry).labels("events").set(7)
    settings.WEB_METRICS_PORT = metrics_address.serve("127.0.0.1", 0, required=True, collectors=(registry,))
    monkeypatch.setattr("config.home.calls.INTERVAL_SECONDS", 0)
    started.set(1_700_000_000)

    def call(operation: str, code: str, took: float, times: int) -> None:
        for _ in range(times):
            handled.labels("GET", operation, code).inc()
            seconds.labels("GET", operation).observe(took)

    call("ListTasks", "200", 0.05, 50)
    first = panels(site)
    assert "Since the processes started: 50 calls, 0 refused, 0 server errors" in first["calls"]
    assert "gRPC server" in first["calls"]  # Its metrics do not answer.
    assert "Up since 2023-11-14" in first["processes"]
    assert "<dd>7</dd>" in first["system"].replace("\n", "")
    call("ListTasks", "200", 0.05, 99)
    call("ListTasks", "500", 0.7, 2)
    call("GetTask", "404", 0.05, 1)
    second = panels(site)["calls"]
    assert "102 calls, 0 refused, 2 server errors" in second
    assert second.index("ListTasks") < second.index("GetTask")
    assert "<td>101</td>" in second
    assert processes.calls().operations[0].p99_ms == pytest.approx(545, abs=1)  # 1 % of 101 lies in the upper bucket.
    assert "got no result" not in panels(site)["attention"]
    call("ListTasks", "401", 0.01, 90)
    call("GetTask", "429", 0.01, 20)
    third = panels(site)
    assert "212 calls, 110 refused, 2 server errors" in third["calls"]
    assert '<td class="home-bad">90</td><td class="home-bad">2</td>' in third["calls"]
    assert "112 of 212 calls got no result" in third["attention"]
    started.set(1_800_000_000)  # Another process, whose counters began at 0.
    assert "262 calls" in panels(site)["calls"]


def test_figures_and_plot_of_tasks_in_the_zone_of_the_user(site: Client, administrator: User) -> None:
    User.objects.filter(pk=administrator.pk).update(timezone="Pacific/Kiritimati")
    for status in (Status.TODO, Status.DONE, Status.DONE):
        TaskFactory(status=status)
    shown = panels(site)
    assert 'status__exact=3">Done</a></dt><dd>2</dd>' in shown["figures"]
    with timezone.override("Pacific/Kiritimati"):
        today = timezone.localdate()
    assert f"{today:%Y-%m-%d}</th><td>3</td><td>2</td>" in shown["plot"]
    assert "Day (Pacific/Kiritimati)" in shown["plot"]


def test_open_tasks_by_priority_and_assignee_and_the_talk_time(site: Client) -> None:
    ada, ben = UserFactory(display_name="Ada"), UserFactory(display_name="Ben")
    TaskFactory.create_batch(3, priority=Priority.CRITICAL, assigned_to=ada)
    TaskFactory(priority=Priority.LOW, status=Status.IN_PROGRESS, assigned_to=ben)
    TaskFactory(priority=Priority.LOW, status=Status.DONE, assigned_to=ben)
    meeting = TranscribedMeetingFactory()
    version = meeting.transcript_version
    SpeakerFactory(meeting=meeting, transcript_version=version, user=ben, speech_ms=180_000)
    SpeakerFactory(meeting=meeting, transcript_version=version, user=None, label="S2", speech_ms=60_000)
    # Of an earlier version, which the page of the meeting does not show.
    SpeakerFactory(meeting=meeting, transcript_version=version + 1, user=ada, speech_ms=900_000)
    shown = panels(site)["workload"].replace("&amp;", "&")
    assert 'priority__exact=4&status__exact=1">3</a>' in shown
    assert 'priority__exact=1&status__exact=2">1</a>' in shown
    rows = re.findall(r'scope="row">(?:<a href="([^"]+)">)?([^<]+)<.*?value="(\d+)".*?<td>([\d.,]+)</td></tr>', shown)
    tasks, users = reverse("admin:tasks_task_changelist"), reverse("admin:users_user_changelist")
    assert rows[-4:] == [
        (f"{tasks}?assigned_to__id__exact={ada.pk}", "Ada", "75", "3"),
        (f"{tasks}?assigned_to__id__exact={ben.pk}", "Ben", "25", "1"),
        (f"{users}{ben.pk}/change/", "Ben", "75", "3.0"),
        ("", "Speakers who are not named", "25", "1.0"),
    ]


def test_each_panel_needs_its_permissions(client: Client, db: None) -> None:
    client.defaults["HTTP_HOST"] = "localhost"
    a_failed_job()
    staff = AdministratorFactory(is_staff=True)
    client.force_login(staff)
    assert panels(client) == {}
    assert "may see no part of this site" in client.get(HOME).content.decode()
    assert client.post(RETRY, {"job": "x"}).status_code == 403
    staff.user_permissions.set(Permission.objects.filter(codename="view_job"))
    client.force_login(User.objects.get(pk=staff.pk))
    shown = panels(client)
    assert set(shown) == {"attention", "system", "processes", "calls", "pipelines"}
    assert "Mail server is away" in shown["attention"]
    assert "Retry" not in shown["attention"]
