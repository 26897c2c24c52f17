"""Every answer fits in the 4 MB that gRPC clients take by default, and pages are the same over both transports."""

import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict

from changes.models import Change
from tandem.change.v1 import change_pb2, change_pb2_grpc
from tandem.common.v1.common_pb2 import PaginationRequest
from tandem.meeting.v1 import meeting_pb2, meeting_pb2_grpc
from tandem.task.v1 import task_pb2, task_pb2_grpc
from tandem.user.v1 import user_pb2, user_pb2_grpc
from tests.support.factories import MeetingFactory, SegmentFactory, TaskFactory, TranscribedMeetingFactory, UserFactory
from tests.support.servers import Servers, until
from tests.support.shared_servers import db as db
from tests.support.shared_servers import servers as servers
from users.models import User

pytestmark = pytest.mark.real_server

#: The largest that a text may be, in characters of four bytes each.
LARGE = "🚲" * 10_000
METADATA = {f"key {number}": "x" * 900 for number in range(8)}
WHOLE = PaginationRequest(page_size=100)


@pytest.fixture
def channel(servers: Servers) -> Iterator[grpc.Channel]:
    """With grpcio's own options, as any plain client has them."""
    with grpc.insecure_channel(servers.grpc_address) as channel:
        yield channel


def paged(call: Callable[..., Any], request: Any, items: str) -> list[list[str]]:
    """Return the ids on each page."""
    pages: list[list[str]] = []
    while True:
        answer = call(request, timeout=60)
        pages.append([item.id for item in getattr(answer, items)])
        where = answer.pagination if "pagination" in answer.DESCRIPTOR.fields_by_name else answer
        if not where.next_page_token:
            return pages
        target = request.pagination if "pagination" in request.DESCRIPTOR.fields_by_name else request
        target.page_token = where.next_page_token


def paged_over_http(servers: Servers, path: str, items: str, **query: str) -> list[list[str]]:
    pages: list[list[str]] = []
    while True:
        url = f"{servers.http_url}/api/v1/{path}?{urllib.parse.urlencode({'page_size': '100', **query})}"
        with urllib.request.urlopen(url, timeout=60) as response:
            answer = json.load(response)
        pages.append([item["id"] for item in answer[items]])
        if not answer["next_page_token"]:
            return pages
        query["page_token"] = answer["next_page_token"]


def assert_all_came(pages: list[list[str]], expected: set[str]) -> None:
    """Check that there are several pages, none empty, with each item once."""
    found = [item for page in pages for item in page]
    assert len(found) == len(set(found))
    assert expected <= set(found)
    assert len(pages) > 1
    assert all(pages)


def test_tasks(servers: Servers, channel: grpc.Channel) -> None:
    tasks = TaskFactory.create_batch(100, description=LARGE, metadata=METADATA)
    stub = task_pb2_grpc.TaskServiceStub(channel)
    pages = paged(stub.ListTasks, task_pb2.ListTasksRequest(page_size=100), "tasks")
    assert_all_came(pages, {str(task.pk) for task in tasks})
    assert pages == paged_over_http(servers, "tasks", "tasks")


def test_changes(servers: Servers, channel: grpc.Channel) -> None:
    tasks = TaskFactory.create_batch(100, description=LARGE, metadata=METADATA)
    until(lambda: not Change.objects.filter(seq=None).exists(), "all changes have numbers")
    stub = change_pb2_grpc.ChangeServiceStub(channel)
    found: list[tuple[str, int]] = []
    cursor, sizes = "", []
    while True:
        answer = stub.ListChanges(change_pb2.ListChangesRequest(page_size=100, cursor=cursor), timeout=60)
        with urllib.request.urlopen(
            f"{servers.http_url}/api/v1/changes?page_size=100&cursor={cursor}", timeout=60
        ) as response:
            over_http = json.load(response)
        assert [change["cursor"] for change in over_http["changes"]] == [change.cursor for change in answer.changes]
        found += [(change.subject_id, change.subject_version) for change in answer.changes]
        sizes.append(len(answer.changes))
        if answer.next_cursor == cursor:
            break
        cursor = answer.next_cursor
    assert len(found) == len(set(found))
    assert {(str(task.pk), 1) for task in tasks} <= set(found)
    assert max(sizes) < 100


def segments(meeting: Any, count: int) -> set[str]:
    """Create rows with the largest texts, each of one word."""
    text = "🚲" * 5_000 + " whale"
    return {
        str(segment.pk)
        for segment in SegmentFactory.create_batch(
            count, meeting=meeting, recognized_text=text, text=text, transcript_version=1
        )
    }


def test_transcripts_and_what_is_found_in_them(servers: Servers, channel: grpc.Channel) -> None:
    owner = User.objects.get(email="admin@example.com")
    meeting = TranscribedMeetingFactory(owner=owner)
    expected = segments(meeting, 80)
    stub = meeting_pb2_grpc.MeetingServiceStub(channel)
    request = meeting_pb2.GetTranscriptRequest(meeting_id=str(meeting.pk), pagination=WHOLE)
    pages = paged(stub.GetTranscript, request, "segments")
    assert_all_came(pages, expected)
    assert pages == paged_over_http(servers, f"meetings/{meeting.pk}/transcript", "segments")

    token, found = "", []
    while True:
        answer = stub.SearchTranscripts(
            meeting_pb2.SearchTranscriptsRequest(
                query="whale", pagination=PaginationRequest(page_size=100, page_token=token)
            ),
            timeout=60,
        )
        found.append([match.segment.id for match in answer.matches])
        token = answer.pagination.next_page_token
        if not token:
            break
    assert_all_came(found, expected)


def test_meetings(servers: Servers, channel: grpc.Channel) -> None:
    owner = User.objects.get(email="admin@example.com")
    meetings = MeetingFactory.create_batch(100, owner=owner, title="🚲" * 200, failure_reason="🚲" * 1000)
    stub = meeting_pb2_grpc.MeetingServiceStub(channel)
    pages = paged(stub.ListMeetings, meeting_pb2.ListMeetingsRequest(pagination=WHOLE), "meetings")
    assert {str(meeting.pk) for meeting in meetings} <= {item for page in pages for item in page}
    assert pages == paged_over_http(servers, "meetings", "meetings")


@pytest.fixture
def large_users(servers: Servers) -> list[str]:
    links = {f"{'🚲' * 45}{number}": "https://example.com/" + "x" * 1900 for number in range(20)}
    return [
        str(user.pk)
        for user in UserFactory.create_batch(100, bio="🚲" * 1000, social_links=links, display_name="Wheeled")
    ]


def test_users(servers: Servers, channel: grpc.Channel, large_users: list[str]) -> None:
    stub = user_pb2_grpc.UserServiceStub(channel)
    pages = paged(stub.ListUsers, user_pb2.ListUsersRequest(pagination=WHOLE), "users")
    assert_all_came(pages, set(large_users))
    assert pages == paged_over_http(servers, "users", "users")
    pages = paged(stub.SearchUsers, user_pb2.SearchUsersRequest(query="wheeled", pagination=WHOLE), "users")
    assert_all_came(pages, set(large_users))
    assert pages == paged_over_http(servers, "users/search", "users", query="wheeled")


def test_many_users_at_once(servers: Servers, channel: grpc.Channel, large_users: list[str]) -> None:
    stub = user_pb2_grpc.UserServiceStub(channel)
    wanted, found, calls = large_users, [], 0
    while wanted:
        answer = stub.BatchGetUsers(user_pb2.BatchGetUsersRequest(user_ids=wanted), timeout=60)
        assert answer.users
        assert not answer.missing_ids
        found += [user.id for user in answer.users]
        wanted = wanted[len(answer.users) :]
        calls += 1
    assert found == large_users
    assert calls == 2


def test_size_of_bulk_answers(servers: Servers, channel: grpc.Channel) -> None:
    stub = task_pb2_grpc.TaskServiceStub(channel)
    good = [task_pb2.CreateTaskRequest(title=f"{number}", description=LARGE) for number in range(74)]
    wrong = [
        task_pb2.CreateTaskRequest(
            title="x" * 300, description=LARGE + "x", labels=["y" * 200] * 50, assigned_to="nobody", id="none"
        )
        for _ in range(1_000)
    ]
    answer = stub.BulkCreateTasks(iter([*good, *wrong]), timeout=120)
    assert answer.success_count == 74
    assert [task.title for task in answer.tasks] == [task.title for task in good]
    assert 0 < len(answer.errors) <= 1_000
    assert answer.errors[0].field_violations
    assert MessageToDict(answer)["committedThrough"] in ("1074", 1074)
