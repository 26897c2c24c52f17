"""Concurrent writes, and writes repeated after a kill: each happens once, and none overwrites another unseen."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from tandem.task.v1.task_pb2 import BulkCreateResponse, CreateTaskRequest, GetTaskRequest, UpdateTaskRequest
from tests.faults.conftest import SHARE
from tests.support.faults import judging
from tests.support.faults.calling import NotDoneError, TaskClient, until_admitted
from tests.support.faults.judging import Log
from tests.support.faults.product import PATIENCE_SECONDS, Installation
from tests.support.servers import until

pytestmark = pytest.mark.faults

AT_ONCE = 50
KEYS = 1_000
ATTEMPTS = 40
#: Some chunks of what is committed at once.
BULK = 3_000

Report = Callable[[str], None]


@pytest.fixture
def client(installation: Installation) -> Iterator[TaskClient]:
    client = TaskClient(installation.http_url, installation.grpc_address)
    yield client
    client.channel.close()


def test_duplicates_make_one_task(installation: Installation, client: TaskClient, report: Report) -> None:
    keys = max(10, round(KEYS * SHARE))

    def send(number: int) -> str:
        key = number // AT_ONCE
        over = client.over_http if number % 10 == 0 else client.over_grpc
        try:
            request = CreateTaskRequest(title=f"Task {key}", request_id=f"key-{key}")
            return str(until_admitted(over, "CreateTask", request).id)
        except NotDoneError as exc:
            assert str(exc) == "REQUEST_IN_PROGRESS"
            return ""

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(send, range(keys * AT_ONCE)))
    installation.until_numbered()
    log = Log(installation.database)
    of_key = [set(answers[key * AT_ONCE : (key + 1) * AT_ONCE]) - {""} for key in range(keys)]
    report(f"{len(answers)} calls with {keys} keys made {len(log.tasks)} tasks; {answers.count('')} had to wait")
    assert [len(ids) for ids in of_key] == [1] * keys
    assert {task["id"] for task in log.tasks} == set[str]().union(*of_key)
    assert len(log.rows) == keys


def test_editors_of_one_task_overwrite_nothing_unseen(
    installation: Installation, client: TaskClient, report: Report
) -> None:
    task = client.over_grpc("CreateTask", CreateTaskRequest(title="0"))
    attempts = max(5, round(ATTEMPTS * SHARE))
    beginning = threading.Barrier(AT_ONCE)

    def edit(editor: int) -> list[str]:
        over = client.over_http if editor % 10 == 0 else client.over_grpc
        outcomes = []
        beginning.wait(PATIENCE_SECONDS)
        for attempt in range(attempts):
            version = until_admitted(over, "GetTask", GetTaskRequest(id=task.id)).version
            request = UpdateTaskRequest(id=task.id, title=f"{editor}/{attempt}", version=version)
            try:
                assert until_admitted(over, "UpdateTask", request).version == version + 1
                outcomes.append("done")
            except NotDoneError as exc:
                outcomes.append(str(exc))
        return outcomes

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = [outcome for received in pool.map(edit, range(AT_ONCE)) for outcome in received]
    done, stale = outcomes.count("done"), outcomes.count("STALE")
    report(f"{len(outcomes)} edits of one task: {done} done, {stale} in conflict")
    assert done + stale == len(outcomes)
    assert client.over_grpc("GetTask", GetTaskRequest(id=task.id)).version == done + 1
    assert done
    assert stale


@pytest.mark.parametrize("who", ["server", "client"])
def test_a_bulk_that_was_cut_is_sent_again(
    installation: Installation, client: TaskClient, report: Report, who: str
) -> None:
    items = [CreateTaskRequest(title=f"Task {number}", request_id=f"{who}-{number}") for number in range(BULK)]
    cut = threading.Event()
    bulk = client.channel.stream_unary(
        "/taskservice.TaskService/BulkCreateTasks",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=BulkCreateResponse.FromString,
    )

    def half() -> Iterator[Any]:
        yield from items[: BULK // 2]
        cut.wait(PATIENCE_SECONDS)

    call = bulk.future(half())
    until(lambda: installation.database.ask("SELECT count(*) FROM tasks_task") != [(0,)], "a chunk is committed")
    if who == "server":
        installation.rpc.kill_and_start()
        installation.rpc.until_ready()
    else:
        call.cancel()
    cut.set()
    with pytest.raises((grpc.RpcError, grpc.FutureCancelledError)):
        call.result(PATIENCE_SECONDS)
    ((before,),) = installation.database.ask("SELECT count(*) FROM tasks_task")
    answer = bulk(iter(items), timeout=PATIENCE_SECONDS)
    installation.until_numbered()
    log = Log(installation.database)
    report(f"{before} of {BULK} items were made before the cut, {len(log.tasks)} after all were sent again")
    assert 0 < before < BULK
    assert (answer.success_count, answer.committed_through, list(answer.errors)) == (BULK, BULK, [])
    assert len(log.tasks) == len(log.rows) == BULK
    assert list(judging.doubled(log)) == []
