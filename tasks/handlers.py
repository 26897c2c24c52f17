"""Handlers of taskservice.TaskService, one function per rpc."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from google.protobuf.empty_pb2 import Empty

from changes import feed
from changes.feed.watching import Watch, open_watch
from core import bulk
from core.actors import Actor
from core.conversions import page_request
from core.db.pagination import Order
from core.errors import INTERNAL, invalid, problem_of
from core.execution import execute
from core.limits import costs
from core.operations import Call, bind, operation
from core.preconditions import ANY_VERSION, exactly
from core.protojson.field_masks import written_paths
from core.replays import Replay
from tandem.common.v1 import common_pb2
from tandem.task.v1 import task_pb2
from tasks import messages, queries, services
from tasks.messages import task_message
from tasks.services.bulk import TaskChange, build_tasks, create_tasks, update_tasks
from tasks.watching import subscription_for

#: API keys need `tasks:read` and `tasks:write`.
AREA = "tasks"
#: Above it, a bulk's response omits the created tasks, as clients accept at most 4 MB.
MAX_CREATED_BYTES = 3_000_000

logger = logging.getLogger(__name__)


def _show_task(call: Call, request: Any, answer: task_pb2.Task) -> task_pb2.Task:
    queries.get_task(call.actor, answer.id)
    return answer


#: A deleted task stays in the change log, so its stored answers need not be deleted.
REPLAY = Replay(subject=lambda call, request, answer: None, show=_show_task)


@operation(replay=REPLAY)
def create_task(call: Call, request: task_pb2.CreateTaskRequest) -> task_pb2.Task:
    return task_message(services.create_task(call.actor, messages.new_task_fields(request)))


def get_task(call: Call, request: task_pb2.GetTaskRequest) -> task_pb2.Task:
    return task_message(queries.get_task(call.actor, request.id))


@operation(replay=REPLAY)
def update_task(call: Call, request: task_pb2.UpdateTaskRequest) -> task_pb2.Task:
    mask = request.update_mask if request.HasField("update_mask") else None
    fields = messages.task_fields(request, written_paths(request, mask, messages.WRITABLE))
    more_metadata = fields.pop("metadata", None) if mask is None else None
    fields |= call.map_changes
    return task_message(
        services.update_task(
            call.actor, request.id, fields, more_metadata=more_metadata, expected_version=call.expected_version
        )
    )


def delete_task(call: Call, request: task_pb2.DeleteTaskRequest) -> Empty:
    services.delete_task(call.actor, request.id, expected_version=call.expected_version)
    return Empty()


def list_tasks(call: Call, request: task_pb2.ListTasksRequest) -> task_pb2.ListTasksResponse:
    pagination = common_pb2.PaginationRequest(page_size=request.page_size, page_token=request.page_token)
    requested = page_request(call, pagination, task_message)
    order = Order(request.order_by, request.descending) if request.order_by else queries.NEWEST_FIRST
    page = queries.list_tasks(call.actor, requested, order, messages.task_filter(request))
    return task_pb2.ListTasksResponse(
        tasks=page.messages, next_page_token=page.next_token, total_count=page.total_count
    )


@operation(cost=costs.SEARCH)
def get_task_stats(call: Call, request: task_pb2.GetTaskStatsRequest) -> task_pb2.TaskStats:
    return messages.stats_message(queries.get_task_stats(call.actor))


def watch_tasks(call: Call, request: task_pb2.WatchTasksRequest) -> Watch:
    return open_watch(
        feed.live,
        subscription_for(call.operation.name, request),
        call.actor,
        cursor=request.cursor,
        include_initial=request.include_initial,
        bookmarks=request.bookmarks,
    )


def bulk_create_tasks(
    call: Call, items: Iterator[task_pb2.CreateTaskRequest | ValidationError]
) -> task_pb2.BulkCreateResponse:
    return task_pb2.BulkCreateResponse(**_write(call, items, messages.new_task_fields, build_tasks, create_tasks))


def bulk_update_tasks(
    call: Call, items: Iterator[task_pb2.UpdateTaskRequest | ValidationError]
) -> task_pb2.BulkUpdateResponse:
    return task_pb2.BulkUpdateResponse(
        **_write(call, items, _read_change, lambda actor, changes: changes, update_tasks)
    )


def process_task_stream(
    call: Call, items: Iterator[task_pb2.TaskCommand | ValidationError]
) -> Iterator[task_pb2.TaskResult]:
    for item in items:
        command = task_pb2.TaskCommand() if isinstance(item, ValidationError) else item
        result = task_pb2.TaskResult(success=True, command_id=command.command_id)
        try:
            answer = _execute(call, item)
        except Exception as exc:
            # A failed command is answered with its error, and the stream continues.
            problem = problem_of(exc)
            if problem.reason == INTERNAL:
                logger.exception("%s failed: %s", call.operation.name, problem.message)
            result.success, result.error_message, result.code = False, problem.message, problem.spec.grpc_code
        else:
            if isinstance(answer, task_pb2.Task):
                result.task.CopyFrom(answer)
        yield result


_METHODS = task_pb2.DESCRIPTOR.services_by_name["TaskService"].methods_by_name
#: Command → the operation that it stands for.
_OPERATIONS = {
    command: bind(_METHODS[rpc], handler, AREA)
    for command, rpc, handler in (
        ("create", "CreateTask", create_task),
        ("update", "UpdateTask", update_task),
        ("delete", "DeleteTask", delete_task),
        ("get", "GetTask", get_task),
    )
}


def _execute(call: Call, item: task_pb2.TaskCommand | ValidationError) -> Any:
    """Execute the rpc of the command, and return its response."""
    if isinstance(item, ValidationError):
        raise item
    command = item.WhichOneof("command")
    if command is None:
        raise invalid("", "required", "Unknown command type")
    return execute(call.of(_OPERATIONS[command]), getattr(item, command))


def _read_change(request: task_pb2.UpdateTaskRequest) -> TaskChange:
    mask = request.update_mask if request.HasField("update_mask") else None
    fields = messages.task_fields(request, written_paths(request, mask, messages.WRITABLE))
    more_metadata = fields.pop("metadata", None) if mask is None else None
    if request.version < 0:
        raise invalid("version", "range", "Versions start at 1.")
    return TaskChange(request.id, fields, more_metadata, exactly(request.version) if request.version else ANY_VERSION)


def _errors(outcome: bulk.Outcome) -> list[task_pb2.BulkError]:
    return [
        task_pb2.BulkError(error_message=problem.message, **bulk.error_fields(index, problem))
        for index, problem in outcome.errors
    ]


def _check_replayed(call: Call, rows: Sequence[bulk.BulkItem]) -> None:
    """Fail the rows whose task the caller may no longer see."""
    task_ids = [task_pb2.Task.FromString(row.answer).id for row in rows]
    visible = queries.visible_ids(call.actor, task_ids)
    for row, task_id in zip(rows, task_ids, strict=True):
        if task_id not in visible:
            row.fail(queries.not_found(task_id))


def _write(
    call: Call,
    items: Iterable[Any],
    read: Callable[[Any], Any],
    build: Callable[[Actor, Sequence[Any]], Sequence[Any]],
    save: Callable[[Actor, bulk.Chunk], None],
) -> dict[str, Any]:
    """Write the tasks of a stream (see `bulk.write`). Return the fields of the response."""
    written = _WrittenTasks()
    outcome = bulk.write(
        call,
        items,
        read,
        build,
        save,
        answer=lambda task: task_message(task).SerializeToString(),
        done=written.add,
        check_replayed=lambda rows: _check_replayed(call, rows),
    )
    return {
        "tasks": written.tasks,
        "success_count": outcome.written + outcome.replayed,
        "errors": _errors(outcome),
        "committed_through": outcome.through,
    }


class _WrittenTasks:
    """The tasks written by a bulk, in their order; none, once they are too large for a response."""

    def __init__(self) -> None:
        self.tasks: list[task_pb2.Task] = []
        self._left = MAX_CREATED_BYTES

    def add(self, rows: Sequence[bulk.BulkItem]) -> None:
        if self._left <= 0:
            return
        for row in rows:
            if row.problem is not None:
                continue
            task = task_pb2.Task.FromString(row.answer) if row.replayed else task_message(row.instance)
            self.tasks.append(task)
            self._left -= task.ByteSize() + 4
        if self._left <= 0:
            self.tasks = []
